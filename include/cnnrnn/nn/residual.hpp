#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/add.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Layers one after the other and a shortcut around them, y = x + layers(x), of the shape of x; the
/// names of the layers are 0, 1, 2, ... (He et al. 2016). Throws ShapeError when the layers change
/// the shape.
///
///   Residual<float> block(BatchNorm2d<float>(8), Relu<float>(),
///                         Conv2d<float>(8, 8, {.kernel = 3, .padding = 1}, random));
template <class T>
class Residual : public Layer<T> {
 public:
  /// The block of these layers, one after the other.
  template <class... Layers>
  requires(sizeof...(Layers) > 0 && (std::is_base_of_v<Layer<T>, Layers> && ...) &&
           !(std::is_same_v<Residual, Layers> && ...)) explicit Residual(Layers... layers)
      : layers_(std::move(layers)...) {}

  Variable<T> operator()(const Variable<T>& x) override {
    const Variable<T> y = layers_(x);
    require<ShapeError>(y.shape() == x.shape(), "Residual: expected layers that keep the shape ",
                        x.shape(), ", got ", y.shape());
    return x + y;
  }

  void visit(Visitor<T>& visitor) override { layers_.visit(visitor); }
  std::string describe() const override { return "Residual"; }

 private:
  Sequential<T> layers_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
