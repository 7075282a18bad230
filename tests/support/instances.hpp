// What every test begins with: the library, parsed once as a precompiled header, and its largest
// templates, compiled once in instances.cpp. A test does not rely on it: it includes what it uses.
#pragma once

#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "support/catch.hpp"
#include "support/fixture.hpp"

#define CNNRNN_TEST_INSTANCES(template_, T)                                                        \
  template_ void backward(const std::vector<Edge<T>>&, const std::vector<Tensor<T>>&,              \
                          const BackwardOptions&);                                                 \
  template_ Variable<T> detail::conv2d(const kernels::Conv2dDims&, const Variable<T>&,             \
                                       const Variable<T>&, const Variable<T>&, bool,               \
                                       kernels::ChannelMoments<T>*);                               \
  template_ class PackedConvolution<T>;                                                            \
  template_ Variable<T> detail::linear(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                       bool);                                                      \
  template_ Variable<T> detail::batch_norm(                                                        \
      const char*, const Variable<T>&, const Variable<T>&, const Variable<T>&, const Variable<T>&, \
      RunningStatistics<T>&, const BatchNormalization&, const BatchStatistics<T>&);                \
  template_ Variable<T> batch_norm_relu_pool(                                                      \
      const Variable<T>&, const Variable<T>&, const Variable<T>&, RunningStatistics<T>,            \
      const BatchNormalization&, const BatchStatistics<T>&);                                       \
  template_ detail::RecurrentResult<T> detail::recurrent_layer(                                    \
      const kernels::RecurrentCell<T>&, const Variable<T>&,                                        \
      const std::vector<RecurrentWeights<T>>&, const Variable<T>&, const Variable<T>&,             \
      const RecurrentOptions&);                                                                    \
  template_ kernels::RecurrentCell<T> kernels::lstm_cell();                                        \
  template_ kernels::RecurrentCell<T> kernels::gru_cell(bool);                                     \
  template_ kernels::RecurrentCell<T> kernels::rnn_cell(bool);                                     \
  template_ ConvLstmOutput<T> conv_lstm_layer(                                                     \
      const Variable<T>&, const std::vector<ConvLstmWeights<T>>&, const ConvLstmStates<T>&,        \
      const ConvLstmLayerOptions&);

CNNRNN_NAMESPACE_BEGIN
CNNRNN_TEST_INSTANCES(extern template, float)
CNNRNN_TEST_INSTANCES(extern template, double)
CNNRNN_NAMESPACE_END
