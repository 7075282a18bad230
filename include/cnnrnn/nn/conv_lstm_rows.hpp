#pragma once

#include <string>

#include "cnnrnn/nn/conv_lstm.hpp"
#include "cnnrnn/nn/rnn_tap.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

namespace detail {

/// A quarter of the units: filters whose states on patches of 2 x 2 pixels have as many numbers.
inline Index conv_lstm_filters(const RnnTapOptions& o) {
  require<ValueError>(o.units % 4 == 0, "ConvLstmRows: expected units divisible by 4, got ",
                      o.units);
  return o.units / 4;
}

}  // namespace detail

/// Reads the rows of patches with a bidirectional ConvLSTM of 3x3 kernels and U / 4 filters; a
/// patch stays a map of P x P pixels. (N, H, W, C) -> (N, M 2 U / 4 P P), for each row the last
/// hidden state of the forward and of the reverse direction, each channel by channel. Its
/// parameters are the ConvLSTM's. Throws ValueError for options out of range.
template <class T>
class ConvLstmRows : public RowReader<T> {
 public:
  ConvLstmRows(const RnnTapOptions& options, ConvLstmPeepholes peepholes, Random& random)
      : options_(detail::checked(options)),
        conv_lstm_(options.channels, detail::conv_lstm_filters(options), options.patch,
                   {.peepholes = peepholes, .bidirectional = true}, random) {}

  ConvLstmRows(const RnnTapOptions& options, Random& random)
      : ConvLstmRows(options, ConvLstmPeepholes::current, random) {}

  Variable<T> operator()(const Variable<T>& x) override {
    const auto& [channels, height, width, patch, units] = options_;
    const Shape expected{x.rank() > 0 ? x.dim(0) : 0, height, width, channels};
    require<ShapeError>(x.shape() == expected, "ConvLstmRows: expected a feature map ", expected,
                        ", got ", x.shape());
    const Index rows = x.dim(0) * (height / patch);
    const auto lines = reshape(x, {rows, patch, width / patch, patch, channels});
    const auto states = conv_lstm_(permute(lines, {0, 2, 1, 3, 4})).h;  // (2, N M, P, P, U / 4)
    return reshape(permute(states, {1, 0, 4, 2, 3}), {x.dim(0), features()});
  }

  Index features() const override {
    return options_.height * options_.patch * 2 * (options_.units / 4);
  }

  void visit(Visitor<T>& visitor) override { conv_lstm_.visit(visitor); }

  std::string describe() const override {
    return to_message("ConvLstmRows(patch ", options_.patch, 'x', options_.patch, ", ",
                      conv_lstm_.describe(), ')');
  }

 private:
  RnnTapOptions options_;
  ConvLstm<T> conv_lstm_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
