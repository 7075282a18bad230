#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/adaptive_pooling.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Max-pooling to an image of one size as a layer; see adaptive_max_pool2d. Throws ValueError for
/// an output that is not positive.
template <class T>
class AdaptiveMaxPool2d : public Layer<T> {
 public:
  /// A pooling to `output` pixels. Throws ValueError unless they are positive.
  explicit AdaptiveMaxPool2d(Size2d output) : output_(output) {
    check_adaptive_pool2d("AdaptiveMaxPool2d", output);
  }

  Variable<T> operator()(const Variable<T>& x) override { return adaptive_max_pool2d(x, output_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return to_message("AdaptiveMaxPool2d(", output_, ')'); }

 private:
  Size2d output_;
};

/// Average pooling to an image of one size as a layer; see adaptive_avg_pool2d. Throws ValueError
/// for an output that is not positive.
template <class T>
class AdaptiveAvgPool2d : public Layer<T> {
 public:
  /// A pooling to `output` pixels. Throws ValueError unless they are positive.
  explicit AdaptiveAvgPool2d(Size2d output) : output_(output) {
    check_adaptive_pool2d("AdaptiveAvgPool2d", output);
  }

  Variable<T> operator()(const Variable<T>& x) override { return adaptive_avg_pool2d(x, output_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return to_message("AdaptiveAvgPool2d(", output_, ')'); }

 private:
  Size2d output_;
};

/// The largest of each channel of the image as a layer; see global_max_pool2d.
template <class T>
class GlobalMaxPool2d : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return global_max_pool2d(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "GlobalMaxPool2d()"; }
};

}  // namespace nn
CNNRNN_NAMESPACE_END
