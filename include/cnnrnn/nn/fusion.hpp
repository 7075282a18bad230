#pragma once

#if !defined(__cpp_rtti)
#error "cnnrnn: expected a compiler with RTTI, got -fno-rtti: nn/ tells layers by their types"
#endif

#include <cstddef>
#include <memory>
#include <span>
#include <typeinfo>

#include "cnnrnn/autograd/variable.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

template <class T>
class Layer;

namespace detail {
CNNRNN_SHARED inline bool& fusion_mode() {
  thread_local bool enabled = true;
  return enabled;
}
}  // namespace detail

/// Whether layers that stand next to each other run in one pass where they can, on this thread.
inline bool fusion_enabled() { return detail::fusion_mode(); }

/// Has every layer run by itself on this thread while it lives: to compare, to look at what is
/// between, to find a fault.
class NoFusionGuard {
 public:
  NoFusionGuard() : before_(detail::fusion_mode()) { detail::fusion_mode() = false; }
  ~NoFusionGuard() { detail::fusion_mode() = before_; }
  NoFusionGuard(const NoFusionGuard&) = delete;
  NoFusionGuard& operator=(const NoFusionGuard&) = delete;

 private:
  bool before_;
};

/// The layers that stand behind one.
template <class T>
class NextLayers {
 public:
  /// The layers behind one, nearest first.
  explicit NextLayers(std::span<const std::unique_ptr<Layer<T>>> layers) : layers_(layers) {}

  /// Layer `i` behind it if that is an L, and nothing derived from it; else null.
  template <class L>
  L* get(std::size_t i = 0) const {
    if (i >= layers_.size()) {
      return nullptr;
    }
    Layer<T>& layer = *layers_[i];
    return typeid(layer) == typeid(L) ? static_cast<L*>(&layer) : nullptr;
  }

  /// What stands behind the next `count` layers.
  NextLayers behind(std::size_t count) const { return NextLayers(layers_.subspan(count)); }

 private:
  std::span<const std::unique_ptr<Layer<T>>> layers_;
};

/// What came out of a layer and of those behind it that ran with it: `layers` of them in all.
template <class T>
struct Fused {
  Variable<T> y;           ///< what the last of the layers gives
  std::size_t layers = 1;  ///< how many layers have run, the first included
};

}  // namespace nn
CNNRNN_NAMESPACE_END
