#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/pooling1d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

namespace detail {

template <class Options>
std::string describe_pool1d(const char* name, const Options& o) {
  return to_message(name, "(kernel ", o.kernel, ", stride ", o.stride > 0 ? o.stride : o.kernel,
                    o.padding == 0 ? "" : to_message(", padding ", o.padding),
                    o.ceil_mode ? ", ceil mode" : "");
}

}  // namespace detail

/// Max-pooling of sequences as a layer; see max_pool1d. Throws ValueError for options out of range.
template <class T>
class MaxPool1d : public Layer<T> {
 public:
  /// Throws ValueError for options that no sequence fits.
  explicit MaxPool1d(const Pool1dOptions& options = {}) : options_(options) {
    cnnrnn::detail::check_pool("MaxPool1d", options);
  }

  Variable<T> operator()(const Variable<T>& x) override { return max_pool1d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    return detail::describe_pool1d("MaxPool1d", options_) + ")";
  }

 private:
  Pool1dOptions options_;
};

/// Average pooling of sequences as a layer; see avg_pool1d. Throws ValueError for options out of
/// range.
template <class T>
class AvgPool1d : public Layer<T> {
 public:
  /// Throws ValueError for options that no sequence fits.
  explicit AvgPool1d(const AvgPool1dOptions& options = {}) : options_(options) {
    cnnrnn::detail::check_pool("AvgPool1d", options);
  }

  Variable<T> operator()(const Variable<T>& x) override { return avg_pool1d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    return detail::describe_pool1d("AvgPool1d", options_) +
           (options_.count_include_pad ? ")" : ", padding not counted)");
  }

 private:
  AvgPool1dOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
