#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/pooling.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

namespace detail {

inline std::string describe_pool2d(const char* name, const Pool2dOptions& options) {
  const auto& [kernel, stride, padding, ceil_mode] = options;
  const Size2d step(stride.h > 0 ? stride.h : kernel.h, stride.w > 0 ? stride.w : kernel.w);
  return to_message(name, "(kernel ", kernel, ", stride ", step,
                    padding == Size2d(0) ? "" : to_message(", padding ", padding),
                    ceil_mode ? ", ceil mode" : "");
}

}  // namespace detail

/// Max-pooling as a layer; see max_pool2d. Throws ValueError for options out of range.
template <class T>
class MaxPool2d : public Layer<T> {
 public:
  /// Throws ValueError for options that no image fits.
  explicit MaxPool2d(const Pool2dOptions& options = {}) : options_(options) {
    check_pool2d("MaxPool2d", options);
  }

  Variable<T> operator()(const Variable<T>& x) override { return max_pool2d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    return detail::describe_pool2d("MaxPool2d", options_) + ")";
  }

  /// The options that it was made with.
  const Pool2dOptions& options() const { return options_; }

 private:
  Pool2dOptions options_;
};

namespace detail {

/// Whether the layer is there and such that those before it may take it along.
template <class T>
bool pools_by_two(const MaxPool2d<T>* layer) {
  return layer != nullptr && cnnrnn::detail::pools_by_two(layer->options());
}

}  // namespace detail

/// Average pooling as a layer; see avg_pool2d. Throws ValueError for options out of range.
template <class T>
class AvgPool2d : public Layer<T> {
 public:
  /// Throws ValueError for options that no image fits.
  explicit AvgPool2d(const AvgPool2dOptions& options = {}) : options_(options) {
    check_pool2d("AvgPool2d", pool2d_options(options));
  }

  Variable<T> operator()(const Variable<T>& x) override { return avg_pool2d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    return detail::describe_pool2d("AvgPool2d", pool2d_options(options_)) +
           (options_.count_include_pad ? ")" : ", padding not counted)");
  }

 private:
  AvgPool2dOptions options_;
};

/// The mean of each channel over the image as a layer; see global_avg_pool2d.
template <class T>
class GlobalAvgPool2d : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return global_avg_pool2d(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "GlobalAvgPool2d()"; }
};

}  // namespace nn
CNNRNN_NAMESPACE_END
