#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/softmax.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Softmax over an axis as a layer; see softmax.
template <class T>
class Softmax : public Layer<T> {
 public:
  /// A softmax along an axis; negative ones count from the end.
  explicit Softmax(Index axis = -1) : axis_(axis) {}

  Variable<T> operator()(const Variable<T>& x) override { return softmax(x, axis_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return to_message("Softmax(axis ", axis_, ')'); }

 private:
  Index axis_;
};

/// Log-softmax over an axis as a layer; see log_softmax.
template <class T>
class LogSoftmax : public Layer<T> {
 public:
  /// A log softmax along an axis; negative ones count from the end.
  explicit LogSoftmax(Index axis = -1) : axis_(axis) {}

  Variable<T> operator()(const Variable<T>& x) override { return log_softmax(x, axis_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return to_message("LogSoftmax(axis ", axis_, ')'); }

 private:
  Index axis_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
