#pragma once

#include "cnnrnn/kernels/reduction/column_sums.hpp"
#include "cnnrnn/kernels/reduction/extremes.hpp"
#include "cnnrnn/kernels/reduction/sum.hpp"

// Sums and extremes along axes, and sums over rows, which are the gradients of biases.
