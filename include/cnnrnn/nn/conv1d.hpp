#pragma once

#include <string>

#include "cnnrnn/nn/folding_convolution.hpp"
#include "cnnrnn/ops/conv1d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Conv1d.
struct Conv1dOptions {
  Index kernel = 3;    ///< its size
  Index stride = 1;    ///< steps between two windows
  Index padding = 0;   ///< zeros on each side
  Index dilation = 1;  ///< steps between the kernel's elements
  Index groups = 1;    ///< of channels, each convolved for itself
  bool bias = true;    ///< learn a bias
};

/// Convolution of sequences, (N, T, in) -> (N, OT, out); see conv1d. The weight starts Kaiming
/// normal for ReLU, the bias at zero. Throws ValueError for options out of range.
template <class T>
class Conv1d : public FoldingConvolution<T, BatchNorm1d<T>> {
 public:
  /// A convolution of `in` to `out` channels, with initial weights drawn from `random`.
  Conv1d(Index in, Index out, const Conv1dOptions& options, Random& random)
      : FoldingConvolution<T, BatchNorm1d<T>>(weight_shape(in, out, options), out, options.bias,
                                              random),
        in_(in),
        out_(out),
        options_(options) {}

  std::string describe() const override {
    const auto& [kernel, stride, padding, dilation, groups, bias] = options_;
    return to_message("Conv1d(", in_, ", ", out_, ", kernel ", kernel, ", stride ", stride,
                      ", padding ", padding, ", dilation ", dilation, ", groups ", groups,
                      bias ? ")" : ", no bias)");
  }

 private:
  static Shape weight_shape(Index in, Index out, const Conv1dOptions& o) {
    cnnrnn::detail::check_convolution("Conv1d", o);
    require<ValueError>(o.kernel > 0, "Conv1d: expected a positive kernel, got ", o.kernel);
    require<ValueError>(in > 0 && out > 0 && in % o.groups == 0 && out % o.groups == 0,
                        "Conv1d: expected positive channels divisible by ", o.groups,
                        " groups, got ", in, " and ", out);
    return {out, in / o.groups, o.kernel};
  }

  Variable<T> convolve(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                       bool relu) const override {
    return conv1d(x, weight, bias,
                  {options_.stride, options_.padding, options_.dilation, options_.groups, relu});
  }

  Index output_of(Index i, Index /*j*/) const override { return i; }

  Index in_;
  Index out_;
  Conv1dOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
