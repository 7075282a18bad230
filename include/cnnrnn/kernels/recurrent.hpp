#pragma once

#include "cnnrnn/kernels/recurrent/backward.hpp"
#include "cnnrnn/kernels/recurrent/forward.hpp"
#include "cnnrnn/kernels/recurrent/gru.hpp"
#include "cnnrnn/kernels/recurrent/lstm.hpp"
#include "cnnrnn/kernels/recurrent/rnn.hpp"

// Recurrent layers: a driver that takes blocks of sequences through their steps, forward and back,
// and the cells LSTM, GRU and simple RNN, each of which is two functions for one step.
