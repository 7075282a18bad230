#pragma once

#include "cnnrnn/kernels/loss/cross_entropy.hpp"
#include "cnnrnn/kernels/loss/nll_loss.hpp"
#include "cnnrnn/kernels/loss/pairwise_loss.hpp"
#include "cnnrnn/kernels/loss/soft_cross_entropy.hpp"
#include "cnnrnn/kernels/loss/softmax.hpp"

// Losses, and softmax, on which cross-entropy is built.
