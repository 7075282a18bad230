#pragma once

#include <map>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// The state of a module by the paths that PyTorch's state_dict has: parameters and buffers in
/// `tensors`, counts of batches in `counters`. The states of its random generators are apart, since
/// PyTorch has none; a network that only predicts does not need them.
///
/// Tensors share the module's memory: a snapshot that must not change is a `clone`.
template <class T>
struct StateDict {
  std::map<std::string, Tensor<T>> tensors;
  std::map<std::string, Tensor<Index>> counters;
  std::map<std::string, Random::State> random_states;

  StateDict clone() const {
    StateDict copy = *this;
    for (auto& [name, tensor] : copy.tensors) {
      tensor = tensor.clone();
    }
    for (auto& [name, counter] : copy.counters) {
      counter = counter.clone();
    }
    return copy;
  }
};

namespace detail {

template <class T>
class StateCollector : public Visitor<T> {
 public:
  StateDict<T> state;

 private:
  void parameter(const std::string& path, Variable<T>& value) override {
    require_new(path, state.tensors.emplace(path, value.value()).second);
  }
  void buffer(const std::string& path, Tensor<T>& value) override {
    require_new(path, state.tensors.emplace(path, value).second);
  }
  void counter(const std::string& path, Tensor<Index>& value) override {
    if (value.defined()) {
      state.counters.emplace(path, value);
    }
  }
  void random(const std::string& path, Random& value) override {
    state.random_states.emplace(path, value.state());
  }
  static void require_new(const std::string& path, bool is_new) {
    require<ValueError>(is_new, "state_dict: expected every name once, got ", path, " twice");
  }
};

template <class T>
class RandomRestorer : public Visitor<T> {
 public:
  explicit RandomRestorer(const std::map<std::string, Random::State>& states) : states_(states) {}

 private:
  void random(const std::string& path, Random& value) override { value.restore(states_.at(path)); }

  const std::map<std::string, Random::State>& states_;
};

/// What differs between two sets of names, and between the shapes of what both have.
class StateDifferences {
 public:
  template <class Part>
  void compare(const std::map<std::string, Part>& expected,
               const std::map<std::string, Part>& got) {
    for (const auto& [name, part] : expected) {
      const auto found = got.find(name);
      if (found == got.end()) {
        missing_.push_back(name);
      } else if constexpr (!std::is_same_v<Part, Random::State>) {
        if (found->second.shape() != part.shape()) {
          shapes_.push_back(
              to_message(name, ": expected ", part.shape(), ", got ", found->second.shape()));
        }
      }
    }
    for (const auto& [name, part] : got) {
      if (!expected.contains(name)) {
        unexpected_.push_back(name);
      }
    }
  }

  /// One line; empty when nothing differs.
  std::string message() const {
    std::string text;
    append(text, "missing", missing_);
    append(text, "unexpected", unexpected_);
    append(text, "of another shape", shapes_);
    return text;
  }

 private:
  static void append(std::string& text, const char* what, const std::vector<std::string>& names) {
    constexpr std::size_t most = 5;
    if (names.empty()) {
      return;
    }
    text += to_message(text.empty() ? "" : "; ", names.size(), ' ', what, ": ");
    for (std::size_t i = 0; i < names.size() && i < most; ++i) {
      text += (i > 0 ? ", " : "") + names[i];
    }
    text += names.size() > most ? ", ..." : "";
  }

  std::vector<std::string> missing_;
  std::vector<std::string> unexpected_;
  std::vector<std::string> shapes_;
};

}  // namespace detail

/// The state of `module`: handles to its memory.
template <class T>
StateDict<T> state_dict(Module<T>& module) {
  detail::StateCollector<T> collector;
  module.visit(collector);
  return std::move(collector.state);
}

/// In one line, how `state` differs in names and shapes from the state of `module`; empty when it
/// fits. Random states count only if `state` has any.
template <class T>
std::string state_differences(Module<T>& module, const StateDict<T>& state) {
  const auto own = state_dict(module);
  detail::StateDifferences differences;
  differences.compare(own.tensors, state.tensors);
  differences.compare(own.counters, state.counters);
  if (!state.random_states.empty()) {
    differences.compare(own.random_states, state.random_states);
  }
  return differences.message();
}

/// Copies `state` into `module`: all of it or, when it does not fit exactly, nothing. Random
/// generators keep their state when `state` has none. Throws ValueError with the differences.
template <class T>
void load_state_dict(Module<T>& module, const StateDict<T>& state) {
  const std::string differences = state_differences(module, state);
  require<ValueError>(differences.empty(), "load_state_dict: expected the state of ",
                      module.describe(), ", got ", differences);
  auto own = state_dict(module);
  for (auto& [name, tensor] : own.tensors) {
    tensor.copy_from(state.tensors.at(name));
  }
  for (auto& [name, counter] : own.counters) {
    counter.copy_from(state.counters.at(name));
  }
  if (!state.random_states.empty()) {
    detail::RandomRestorer<T> restorer(state.random_states);
    module.visit(restorer);
  }
}

}  // namespace nn
CNNRNN_NAMESPACE_END
