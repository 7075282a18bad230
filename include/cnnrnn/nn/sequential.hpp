#pragma once

#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Layers one after the other; their names are 0, 1, 2, ..., as in PyTorch. Neighbours that can run
/// in one pass do so, unless there is a NoFusionGuard.
///
///   Sequential<float> head(Linear<float>(4096, 512, {}, random), Relu<float>());
template <class T>
class Sequential : public Layer<T> {
 public:
  Sequential() = default;

  /// A network of these layers, in this order.
  template <class... Layers>
  requires(sizeof...(Layers) > 0 && (std::is_base_of_v<Layer<T>, Layers> && ...) &&
           !(std::is_same_v<Sequential, Layers> && ...)) explicit Sequential(Layers... layers) {
    (append(std::move(layers)), ...);
  }

  /// Adds a layer at the end.
  template <class Added>
  void append(Added layer) {
    layers_.push_back(std::make_unique<Added>(std::move(layer)));
  }

  /// Number of layers.
  std::size_t size() const { return layers_.size(); }

  Variable<T> operator()(const Variable<T>& x) override {
    Variable<T> y = x;
    for (std::size_t done = 0; done < layers_.size();) {
      const auto [output, ran] = run(done, y);
      y = output;
      done += ran;
    }
    return y;
  }

  void visit(Visitor<T>& visitor) override {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      visitor(to_message(i), static_cast<Module<T>&>(*layers_[i]));
    }
  }

  std::string describe() const override { return "Sequential"; }

 private:
  Fused<T> run(std::size_t index, const Variable<T>& x) {
    const std::span<const std::unique_ptr<Layer<T>>> all(layers_);
    Layer<T>& layer = *layers_[index];
    return layer.called(
        [&] {
          return fusion_enabled() ? layer.fused(x, NextLayers<T>(all.subspan(index + 1)))
                                  : Fused<T>{layer(x)};
        },
        static_cast<Index>(index));
  }

  std::vector<std::unique_ptr<Layer<T>>> layers_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
