#pragma once

#include <algorithm>
#include <string>

#include "cnnrnn/kernels/optimizer.hpp"
#include "cnnrnn/nn/state_dict.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim::detail {

/// A second state of a module, parameters and buffers, that follows the module's own. Counts of
/// batches are taken over as they are.
template <class T>
class FollowedState {
  using A = Accumulator<T>;

 public:
  explicit FollowedState(nn::Module<T>& module)
      : module_(module), state_(nn::state_dict(module).clone()) {
    state_.random_states.clear();
    for (const auto& [path, first] : state_.shared) {
      share(state_.tensors, path, first);
      share(state_.counters, path, first);
    }
  }

  const nn::StateDict<T>& state() const { return state_; }

  /// Goes that share of the way to the module's state.
  void approach(double share) {
    for_each_pair([share](const Tensor<A>& own, Tensor<A>& followed) {
      kernels::average_step(own.size(), own.data(), followed.mutable_data(), static_cast<A>(share));
    });
    const auto now = nn::state_dict(module_);
    for (const auto& [name, counter] : now.counters) {
      state_.counters.at(name).copy_from(counter);
    }
  }

  /// Gives the module this state.
  void assign() {
    for_each_pair([](Tensor<A>& own, const Tensor<A>& followed) { own.copy_from(followed); });
    nn::detail::round_masters(module_);
  }

  /// Exchanges the two.
  void swap() {
    for_each_pair([](Tensor<A>& own, Tensor<A>& followed) {
      std::swap_ranges(own.mutable_data(), own.mutable_data() + own.size(),
                       followed.mutable_data());
    });
    nn::detail::round_masters(module_);
  }

  /// Takes over a copy. Throws ValueError when it is not one of the module, and then changes
  /// nothing.
  void load(const char* who, const nn::StateDict<T>& state) {
    auto given = nn::detail::with_shared(state_, state);
    given.random_states.clear();
    const auto wrong = nn::detail::compare_states(state_, given).message();
    require<ValueError>(wrong.empty(), who, ": expected the state of ", module_.describe(),
                        ", got ", wrong);
    nn::detail::copy_fitting(given.tensors, state_.tensors);
    nn::detail::copy_fitting(given.counters, state_.counters);
  }

 private:
  /// What the module shares is one tensor here too.
  template <class Tensors>
  static void share(Tensors& tensors, const std::string& path, const std::string& first) {
    if (tensors.contains(path)) {
      tensors.at(path) = tensors.at(first);
    }
  }

  /// Calls body(own, followed) for every tensor, once for one that the module shares.
  template <class Body>
  void for_each_pair(const Body& body) {
    auto now = nn::state_dict(module_);
    for (auto& [name, own] : now.tensors) {
      if (!state_.shared.contains(name)) {
        body(own, state_.tensors.at(name));
      }
    }
  }

  nn::Module<T>& module_;
  nn::StateDict<T> state_;
};

}  // namespace optim::detail
CNNRNN_NAMESPACE_END
