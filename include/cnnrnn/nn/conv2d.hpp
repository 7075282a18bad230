#pragma once

#include <string>

#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/conv2d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

struct Conv2dOptions {
  Size2d kernel{3};
  Size2d stride{1};
  Size2d padding{0};
  Size2d dilation{1};
  Index groups = 1;
  bool bias = true;
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;
};

/// Two-dimensional convolution, (N, H, W, in) -> (N, OH, OW, out); see conv2d. The weight starts
/// Kaiming normal for ReLU, the bias at zero. Throws ValueError for options out of range.
template <class T>
class Conv2d : public Layer<T> {
 public:
  Conv2d(Index in, Index out, const Conv2dOptions& options, Random& random)
      : in_(in), out_(out), options_(options) {
    validate();
    Tensor<T> weight({out, in / options.groups, options.kernel.h, options.kernel.w});
    init::kaiming_normal(weight, random);
    weight_ = Variable<T>(weight, true);
    if (options.bias) {
      bias_ = Variable<T>(Tensor<T>::zeros({out}), true);
    }
  }

  Variable<T> operator()(const Variable<T>& x) override {
    return conv2d(x, weight_, bias_, convolution());
  }

  void visit(Visitor<T>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);
  }

  std::string describe() const override {
    return to_message("Conv2d(", in_, ", ", out_, ", kernel ", options_.kernel, ", stride ",
                      options_.stride, ", padding ", options_.padding, ", dilation ",
                      options_.dilation, ", groups ", options_.groups,
                      options_.bias ? ")" : ", no bias)");
  }

 private:
  Convolution convolution() const {
    return {options_.stride, options_.padding, options_.dilation, options_.groups,
            options_.algorithm};
  }

  void validate() const {
    const auto& [kernel, stride, padding, dilation, groups, bias, algorithm] = options_;
    cnnrnn::detail::check_conv2d(convolution());
    require<ValueError>(kernel.h > 0 && kernel.w > 0, "Conv2d: expected a positive kernel, got ",
                        kernel);
    require<ValueError>(in_ > 0 && out_ > 0 && in_ % groups == 0 && out_ % groups == 0,
                        "Conv2d: expected positive channels divisible by ", groups, " groups, got ",
                        in_, " and ", out_);
  }

  Index in_;
  Index out_;
  Conv2dOptions options_;
  Variable<T> weight_;
  Variable<T> bias_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
