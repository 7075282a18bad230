#pragma once

#include "cnnrnn/kernels/norm/batch_norm.hpp"
#include "cnnrnn/kernels/norm/batch_norm_pool.hpp"
#include "cnnrnn/kernels/norm/channel_moments.hpp"
#include "cnnrnn/kernels/norm/group_norm.hpp"

// Batch normalisation: moments of channels, the two passes in training, and those fused with an
// activation, shortcut and max-pooling; group and layer normalisation.
