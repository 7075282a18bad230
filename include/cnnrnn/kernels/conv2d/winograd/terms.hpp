#pragma once

#include "cnnrnn/kernels/conv2d/winograd/terms/convolution.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/inputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/outputs.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/products.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/tiles.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/transform.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/weights.hpp"
