#pragma once

#include "cnnrnn/kernels/gemm/linear.hpp"
#include "cnnrnn/kernels/gemm/newton_schulz.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

// Matrix products on one register tile, and what is made of them: dense layers, and the iteration
// by which Muon makes matrices orthogonal. Convolutions and recurrent layers build on the parts:
// the tile, the packing of B, and the microkernel.
