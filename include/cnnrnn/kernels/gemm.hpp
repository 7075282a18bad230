#pragma once

#include "cnnrnn/kernels/gemm/linear.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

// Matrix products on one register tile, and the dense layers made of them. Convolutions and
// recurrent layers build on the parts: the tile, the packing of B, and the microkernel.
