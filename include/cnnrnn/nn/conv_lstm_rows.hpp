#pragma once

#include "cnnrnn/nn/rnn_tap.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

namespace detail {

/// The options, whose units are divisible by 4: a quarter of them are filters, whose states on
/// patches of 2 x 2 pixels have as many numbers.
inline const RnnTapOptions& for_conv_lstm(const RnnTapOptions& o) {
  require<ValueError>(o.units % 4 == 0, "ConvLstmRows: expected units divisible by 4, got ",
                      o.units);
  return o;
}

}  // namespace detail

/// Reads the rows of patches with a bidirectional ConvLSTM of 3x3 kernels and U / 4 filters; a
/// patch stays a map of P x P pixels. (N, H, W, C) -> (N, M 2 U / 4 P P), for each row the last
/// hidden state of the forward and of the reverse direction, each channel by channel. Its
/// parameters are the ConvLSTM's. Throws ValueError for options out of range.
template <class T>
class ConvLstmRows : public detail::RecurrentRows<T> {
 public:
  /// A reader with the given peepholes and initial weights drawn from `random`.
  ConvLstmRows(const RnnTapOptions& options, ConvLstmPeepholes peepholes, Random& random)
      : detail::RecurrentRows<T>("ConvLstmRows", detail::for_conv_lstm(options), Cell::conv_lstm,
                                 peepholes, random) {}

  /// The same with peepholes to the current states.
  ConvLstmRows(const RnnTapOptions& options, Random& random)
      : ConvLstmRows(options, ConvLstmPeepholes::current, random) {}
};

}  // namespace nn
CNNRNN_NAMESPACE_END
