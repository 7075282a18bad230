#pragma once

#include <string_view>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"

/// For programs of many translation units: the large templates of the ops, compiled once. Every
/// translation unit says, best in its precompiled header,
///
///     #include "cnnrnn/instances.hpp"
///     CNNRNN_EXTERN(float)
///
/// and one of them CNNRNN_INSTANTIATE(float) as well. All must be compiled for the same instruction
/// set. T is float or double.
#define CNNRNN_EXTERN(T) CNNRNN_INSTANCES(extern template, T)
/// Compiles the templates of CNNRNN_EXTERN(T), in one translation unit of a program.
#define CNNRNN_INSTANTIATE(T) CNNRNN_INSTANCES(template, T)

#define CNNRNN_INSTANCES(template_, T)                                                             \
  CNNRNN_NAMESPACE_BEGIN                                                                           \
  template_ void backward(const std::vector<Edge<T>>&, const std::vector<Tensor<T>>&,              \
                          const BackwardOptions&);                                                 \
  template_ std::vector<Variable<T>> detail::put_on_tape<T>(                                       \
      std::string_view, const std::vector<Variable<T>>&, const std::vector<Tensor<T>>&,            \
      Record<T>::Backward);                                                                        \
  template_ void kernels::gemm(Index, kernels::MatrixView<T>, const kernels::PackedB<T>&,          \
                               const kernels::GemmOutput<T>&, const T*);                           \
  template_ void kernels::gemm(Index, Index, Index, kernels::MatrixView<T>,                        \
                               kernels::MatrixView<T>, const kernels::GemmOutput<T>&);             \
  template_ void kernels::detail::gemm_packed(Index, Index, Index, const kernels::MatrixView<T>&,  \
                                              const kernels::PackedB<T>&,                          \
                                              const kernels::GemmOutput<T>&, const T*);            \
  template_ void kernels::find_moments(const kernels::WideRows&, Index, Index, const T*, T*, T*,   \
                                       T*);                                                        \
  template_ Index kernels::conv2d_blocks<T>(const kernels::Conv2dDims&);                           \
  template_ Tensor<T> kernels::conv2d_pack(const kernels::Conv2dDims&, const T*, const T*);        \
  template_ void kernels::conv2d_forward(const kernels::Conv2dDims&, kernels::ConvKernel,          \
                                         const T*, const Tensor<T>&,                               \
                                         const kernels::ConvOutput<T>&);                           \
  template_ void kernels::conv2d_forward(const kernels::Conv2dDims&, const T*, const T*,           \
                                         const kernels::ConvOutput<T>&);                           \
  template_ void kernels::conv2d_backward_input(const kernels::Conv2dDims&, const T*, const T*,    \
                                                GradientSpan<T>);                                  \
  template_ void kernels::conv2d_backward_weight(const kernels::Conv2dDims&, const T*, const T*,   \
                                                 GradientSpan<T>);                                 \
  template_ void kernels::conv2d_transposed(const kernels::Conv2dDims&, const T*, const T*,        \
                                            const kernels::ConvOutput<T>&);                        \
  template_ Variable<T> detail::conv2d(const kernels::Conv2dDims&, const Variable<T>&,             \
                                       const Variable<T>&, const Variable<T>&, bool,               \
                                       kernels::ChannelMoments<T>*);                               \
  template_ Variable<T> detail::conv_transpose2d(const kernels::Conv2dDims&, const Variable<T>&,   \
                                                 const Variable<T>&, const Variable<T>&, bool);    \
  template_ class PackedConvolution<T>;                                                            \
  template_ Variable<T> detail::linear(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                       bool);                                                      \
  template_ Variable<T> detail::batch_norm(                                                        \
      const char*, const Variable<T>&, const Variable<T>&, const Variable<T>&, const Variable<T>&, \
      RunningStatistics<T>&, const BatchNormalization&, const BatchStatistics<T>&);                \
  template_ Variable<T> batch_norm_relu_pool(                                                      \
      const Variable<T>&, const Variable<T>&, const Variable<T>&, RunningStatistics<T>,            \
      const BatchNormalization&, const BatchStatistics<T>&);                                       \
  template_ Variable<T> max_pool2d(const Variable<T>&, const Pool2dOptions&);                      \
  template_ PoolingMoments<T> max_pool2d_moments(const Variable<T>&, const Pool2dOptions&);        \
  template_ Variable<T> avg_pool2d(const Variable<T>&, const AvgPool2dOptions&);                   \
  template_ Variable<T> global_avg_pool2d(const Variable<T>&);                                     \
  template_ Variable<T> cross_entropy(const Variable<T>&, const Tensor<Index>&,                    \
                                      const CrossEntropyOptions&);                                 \
  template_ detail::RecurrentResult<T> detail::recurrent_layer(                                    \
      const kernels::RecurrentCell<T>&, const Variable<T>&,                                        \
      const std::vector<RecurrentWeights<T>>&, const Variable<T>&, const Variable<T>&,             \
      const RecurrentOptions&, const PackedRecurrentLayer<T>*);                                    \
  template_ kernels::RecurrentCell<T> kernels::lstm_cell();                                        \
  template_ kernels::RecurrentCell<T> kernels::gru_cell(bool);                                     \
  template_ kernels::RecurrentCell<T> kernels::rnn_cell(bool);                                     \
  template_ ConvLstmOutput<T> conv_lstm_layer(                                                     \
      const Variable<T>&, const std::vector<ConvLstmWeights<T>>&, const ConvLstmStates<T>&,        \
      const ConvLstmLayerOptions&);                                                                \
  CNNRNN_NAMESPACE_END
