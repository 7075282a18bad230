#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/pad2d.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// A border around images as a layer; see pad2d. PyTorch's ZeroPad2d, ReflectionPad2d and
/// ReplicationPad2d. Throws ValueError for a negative padding.
template <class T>
class Pad2d : public Layer<T> {
 public:
  /// Throws ValueError for a negative border.
  explicit Pad2d(const Pad2dOptions& options) : options_(options) { check_pad2d("Pad2d", options); }

  Variable<T> operator()(const Variable<T>& x) override { return pad2d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    const auto& [rows, columns, mode] = options_;
    return to_message("Pad2d(rows ", rows.before, " and ", rows.after, ", columns ", columns.before,
                      " and ", columns.after,
                      mode == PadMode::zeros     ? ", zeros)"
                      : mode == PadMode::reflect ? ", reflect)"
                                                 : ", replicate)");
  }

 private:
  Pad2dOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
