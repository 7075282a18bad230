#pragma once

#include "cnnrnn/kernels/pointwise/activation.hpp"
#include "cnnrnn/kernels/pointwise/broadcast.hpp"
#include "cnnrnn/kernels/pointwise/dropout.hpp"
#include "cnnrnn/kernels/pointwise/elementary.hpp"
#include "cnnrnn/kernels/pointwise/gelu.hpp"
#include "cnnrnn/kernels/pointwise/hard_sigmoid.hpp"
#include "cnnrnn/kernels/pointwise/hard_swish.hpp"
#include "cnnrnn/kernels/pointwise/leaky_relu.hpp"
#include "cnnrnn/kernels/pointwise/normal_distribution.hpp"
#include "cnnrnn/kernels/pointwise/relu.hpp"
#include "cnnrnn/kernels/pointwise/relu6.hpp"
#include "cnnrnn/kernels/pointwise/scale_shift.hpp"
#include "cnnrnn/kernels/pointwise/sigmoid.hpp"
#include "cnnrnn/kernels/pointwise/silu.hpp"
#include "cnnrnn/kernels/pointwise/tanh.hpp"

// Kernels that go element by element: activations, dropout, and arithmetic with broadcasting.
