#pragma once

#include "cnnrnn/kernels/optimizer/adam.hpp"
#include "cnnrnn/kernels/optimizer/average.hpp"
#include "cnnrnn/kernels/optimizer/muon.hpp"
#include "cnnrnn/kernels/optimizer/sgd.hpp"

// Update steps of the optimizers, one pass over parameters, gradients and moments.
