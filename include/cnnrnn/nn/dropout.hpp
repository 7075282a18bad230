#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/dropout.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Dropout as a layer; see dropout. Its generator is seeded from the given one and is part of the
/// state. Throws ValueError unless p is in [0, 1).
template <class T>
class Dropout : public Layer<T> {
 public:
  /// Sets a share `p` of the elements to zero; its generator is seeded from `random`.
  Dropout(double p, Random& random) : p_(checked(p)), random_(random.bits()) {}

  Variable<T> operator()(const Variable<T>& x) override {
    return dropout(x, p_, random_, this->training());
  }
  void visit(Visitor<T>& visitor) override { visitor("random", random_); }
  std::string describe() const override { return to_message("Dropout(", p_, ')'); }

 private:
  static double checked(double p) {
    require<ValueError>(p >= 0 && p < 1, "Dropout: expected p in [0, 1), got ", p);
    return p;
  }

  double p_;
  Random random_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
