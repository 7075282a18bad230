#pragma once

#include <string>

#include "cnnrnn/nn/conv_transpose2d.hpp"
#include "cnnrnn/ops/conv_transpose1d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of ConvTranspose1d.
struct ConvTranspose1dOptions {
  Index kernel = 3;          ///< its size
  Index stride = 1;          ///< steps between two windows
  Index padding = 0;         ///< zeros on each side
  Index output_padding = 0;  ///< more on one side of the result
  Index dilation = 1;        ///< steps between the kernel's elements
  Index groups = 1;          ///< of channels, each convolved for itself
  bool bias = true;          ///< learn a bias
};

/// Transposed convolution of sequences, (N, T, in) -> (N, OT, out); see conv_transpose1d. The
/// parameters start as those of ConvTranspose2d. Throws ValueError for options out of range.
template <class T>
class ConvTranspose1d : public FoldingConvolution<T, BatchNorm1d<T>> {
 public:
  /// A transposed convolution of `in` to `out` channels, with initial weights drawn from `random`.
  ConvTranspose1d(Index in, Index out, const ConvTranspose1dOptions& options, Random& random)
      : FoldingConvolution<T, BatchNorm1d<T>>(weight_shape(in, out, options), out, options.bias,
                                              random),
        in_(in),
        out_(out),
        options_(options) {}

  std::string describe() const override {
    return detail::describe_conv_transpose("ConvTranspose1d", in_, out_, options_);
  }

 private:
  static Shape weight_shape(Index in, Index out, const ConvTranspose1dOptions& o) {
    detail::check_conv_transpose("ConvTranspose1d", in, out, o);
    return {in, out / o.groups, o.kernel};
  }

  Variable<T> convolve(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                       bool relu) const override {
    const auto& o = options_;
    return conv_transpose1d(x, weight, bias,
                            {o.stride, o.padding, o.output_padding, o.dilation, o.groups, relu});
  }

  Index output_of(Index i, Index j) const override {
    return i / (in_ / options_.groups) * (out_ / options_.groups) + j;
  }

  Index in_;
  Index out_;
  ConvTranspose1dOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
