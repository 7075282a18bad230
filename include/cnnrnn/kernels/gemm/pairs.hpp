#pragma once

#include "cnnrnn/kernels/gemm/pairs/dot.hpp"
#include "cnnrnn/kernels/gemm/pairs/in_place.hpp"
#include "cnnrnn/kernels/gemm/pairs/pack.hpp"
#include "cnnrnn/kernels/gemm/pairs/product.hpp"
#include "cnnrnn/kernels/gemm/pairs/tile.hpp"
