#pragma once

#include "cnnrnn/kernels/conv_lstm/backward.hpp"
#include "cnnrnn/kernels/conv_lstm/forward.hpp"
#include "cnnrnn/kernels/conv_lstm/options.hpp"
#include "cnnrnn/kernels/conv_lstm/weight_gradients.hpp"

// Convolutional LSTM (Shi et al. 2015), in both directions, with peepholes. Maps of a few pixels
// and a few filters fill no tile of channels, so each lane of a vector takes a sequence of its own.
