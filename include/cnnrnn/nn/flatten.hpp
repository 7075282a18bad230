#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/flatten.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// All axes but the first as one, as a layer; see flatten.
template <class T>
class Flatten : public Layer<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override { return flatten(x); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override { return "Flatten()"; }
};

}  // namespace nn
CNNRNN_NAMESPACE_END
