#pragma once

#include "cnnrnn/kernels/layout/concat.hpp"
#include "cnnrnn/kernels/layout/flip.hpp"
#include "cnnrnn/kernels/layout/pad.hpp"
#include "cnnrnn/kernels/layout/patch_sequences.hpp"
#include "cnnrnn/kernels/layout/permute.hpp"
#include "cnnrnn/kernels/layout/slice.hpp"

// Kernels that move elements and compute nothing: joining, cutting, padding, flipping and
// reordering.
