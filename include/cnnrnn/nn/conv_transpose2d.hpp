#pragma once

#include <string>

#include "cnnrnn/nn/folding_convolution.hpp"
#include "cnnrnn/ops/conv_transpose2d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of ConvTranspose2d.
struct ConvTranspose2dOptions {
  Size2d kernel{3};                                    ///< its size
  Size2d stride{1};                                    ///< steps between two windows
  Size2d padding{0};                                   ///< zeros on each side
  Size2d output_padding{0};                            ///< more on one side of the result
  Size2d dilation{1};                                  ///< steps between the kernel's elements
  Index groups = 1;                                    ///< of channels, each convolved for itself
  bool bias = true;                                    ///< learn a bias
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
};

namespace detail {

/// Throws ValueError unless a transposed convolution has these channels and options.
template <class Options>
void check_conv_transpose(const char* name, Index in, Index out, const Options& options) {
  cnnrnn::detail::check_transposed(name, options);
  const Size2d kernel(options.kernel);
  require<ValueError>(kernel.h > 0 && kernel.w > 0, name, ": expected a positive kernel, got ",
                      options.kernel);
  require<ValueError>(in > 0 && out > 0 && in % options.groups == 0 && out % options.groups == 0,
                      name, ": expected positive channels divisible by ", options.groups,
                      " groups, got ", in, " and ", out);
}

template <class Options>
std::string describe_conv_transpose(const char* name, Index in, Index out, const Options& o) {
  return to_message(name, "(", in, ", ", out, ", kernel ", o.kernel, ", stride ", o.stride,
                    ", padding ", o.padding, ", output padding ", o.output_padding, ", dilation ",
                    o.dilation, ", groups ", o.groups, o.bias ? ")" : ", no bias)");
}

}  // namespace detail

/// Transposed convolution, (N, H, W, in) -> (N, OH, OW, out); see conv_transpose2d. The weight
/// starts Kaiming normal for ReLU, with PyTorch's fan of out / groups times the kernel, the bias at
/// zero. Throws ValueError for options out of range.
template <class T>
class ConvTranspose2d : public FoldingConvolution<T, BatchNorm2d<T>> {
 public:
  /// A transposed convolution of `in` to `out` channels, with initial weights drawn from `random`.
  ConvTranspose2d(Index in, Index out, const ConvTranspose2dOptions& options, Random& random)
      : FoldingConvolution<T, BatchNorm2d<T>>(weight_shape(in, out, options), out, options.bias,
                                              random),
        in_(in),
        out_(out),
        options_(options) {}

  std::string describe() const override {
    return detail::describe_conv_transpose("ConvTranspose2d", in_, out_, options_);
  }

 private:
  static Shape weight_shape(Index in, Index out, const ConvTranspose2dOptions& o) {
    detail::check_conv_transpose("ConvTranspose2d", in, out, o);
    const bool fits = o.kernel == Size2d(3) && o.stride == Size2d(1) && o.dilation == Size2d(1);
    require<ValueError>(o.algorithm != ConvAlgorithm::winograd || fits,
                        "ConvTranspose2d: expected a 3x3 kernel at stride 1 without dilation for "
                        "Winograd's algorithm, got ",
                        detail::describe_conv_transpose("ConvTranspose2d", in, out, o));
    return {in, out / o.groups, o.kernel.h, o.kernel.w};
  }

  Variable<T> convolve(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                       bool relu) const override {
    const auto& o = options_;
    return conv_transpose2d(
        x, weight, bias,
        {o.stride, o.padding, o.output_padding, o.dilation, o.groups, o.algorithm, relu});
  }

  Index output_of(Index i, Index j) const override {
    return i / (in_ / options_.groups) * (out_ / options_.groups) + j;
  }

  Index in_;
  Index out_;
  ConvTranspose2dOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
