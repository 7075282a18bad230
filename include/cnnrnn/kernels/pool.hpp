#pragma once

#include "cnnrnn/kernels/pool/avg_pool.hpp"
#include "cnnrnn/kernels/pool/global_pool.hpp"
#include "cnnrnn/kernels/pool/max_pool.hpp"

// Max-pooling and average pooling over windows of an image, and the mean of a whole image.
