#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// The state of a module by the paths that PyTorch's state_dict has: parameters and buffers in
/// `tensors`, counts of batches in `counters`. The states of its random generators are apart, since
/// PyTorch has none; a network that only predicts does not need them.
///
/// A tensor that several modules share is there under each of its paths, and `shared` tells which
/// of them is the first.
///
/// Tensors share the module's memory: a snapshot that must not change is a `clone`. Those of a
/// module of bfloat16 are the masters of its parameters, in float: see Variable::master.
template <class T>
struct StateDict {
  std::map<std::string, Tensor<Accumulator<T>>> tensors;  ///< parameters and buffers, by path
  std::map<std::string, Tensor<Index>> counters;          ///< such as num_batches_tracked, by path
  std::map<std::string, Random::State> random_states;     ///< of the generators, by path
  std::map<std::string, std::string> shared;  ///< a further path of a tensor: its first path

  /// The same values in memory of their own.
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

/// What of a state did not go into a module, by PyTorch's names.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys;     ///< parts of the module that the state has not
  std::vector<std::string> unexpected_keys;  ///< parts of the state that the module has not
  std::vector<std::string> mismatched_keys;  ///< parts of both, of different shapes or types
};

namespace detail {

template <class T>
class StateCollector : public Visitor<T> {
 public:
  StateDict<T> state;

 private:
  void parameter(const std::string& path, Variable<T>& value) override {
    add(state.tensors, path, value.master());
  }
  void buffer(const std::string& path, Tensor<Accumulator<T>>& value) override {
    add(state.tensors, path, value);
  }
  void counter(const std::string& path, Tensor<Index>& value) override {
    if (value.defined()) {
      add(state.counters, path, value);
    }
  }
  void random(const std::string& path, Random& value) override {
    require_new(path, state.random_states.emplace(path, value.state()).second);
  }

  template <class U>
  void add(std::map<std::string, Tensor<U>>& tensors, const std::string& path,
           const Tensor<U>& value) {
    require_new(path, tensors.emplace(path, value).second);
    if (value.size() == 0) {
      return;
    }
    const auto [first, is_first] = first_paths_.emplace(value.data(), path);
    if (!is_first && tensors.at(first->second).shape() == value.shape()) {
      state.shared.emplace(path, first->second);
    }
  }
  static void require_new(const std::string& path, bool is_new) {
    require<ValueError>(is_new, "state_dict: expected every name once, got ", path, " twice");
  }

  std::map<const void*, std::string> first_paths_;
};

template <class T>
class MasterRounder : public Visitor<T> {
 private:
  void parameter(const std::string& /*path*/, Variable<T>& value) override { value.round_master(); }
};

template <class T>
class MasterDropper : public Visitor<T> {
 private:
  void parameter(const std::string& /*path*/, Variable<T>& value) override { value.drop_master(); }
};

/// To be called when the tensors of a module's state have been written to: parameters of bfloat16
/// become what their masters are.
template <class T>
void round_masters(Module<T>& module) {
  if constexpr (is_bfloat16<T>) {
    MasterRounder<T> rounder;
    module.visit(rounder);
  }
}

template <class T>
class RandomRestorer : public Visitor<T> {
 public:
  explicit RandomRestorer(const std::map<std::string, Random::State>& states) : states_(states) {}

 private:
  void random(const std::string& path, Random& value) override {
    const auto found = states_.find(path);
    if (found != states_.end()) {
      value.restore(found->second);
    }
  }

  const std::map<std::string, Random::State>& states_;
};

/// Gives tensors that a module shares to all their paths, if one of these is there.
template <class U>
void spread_shared(const std::map<std::string, std::string>& shared,
                   std::map<std::string, Tensor<U>>& tensors) {
  const auto spread = [&](const std::string& from, const std::string& to) {
    const auto found = tensors.find(from);
    if (found != tensors.end()) {
      tensors.emplace(to, found->second);
    }
  };
  for (const auto& [path, first] : shared) {
    spread(path, first);
  }
  for (const auto& [path, first] : shared) {
    spread(first, path);
  }
}

/// Whether two tensors could both be a part of that shape, but not the same one.
template <class U>
bool in_conflict(const Shape& shape, const Tensor<U>& a, const Tensor<U>& b) {
  return a.shape() == shape && b.shape() == shape &&
         !std::ranges::equal(std::as_bytes(a.span()), std::as_bytes(b.span()));
}

/// What differs between two sets of names, and between the shapes of what both have.
class StateDifferences {
 public:
  IncompatibleKeys keys;

  template <class Part>
  void compare(const std::map<std::string, Part>& expected,
               const std::map<std::string, Part>& got) {
    for (const auto& [name, part] : expected) {
      const auto found = got.find(name);
      if (found == got.end()) {
        keys.missing_keys.push_back(name);
      } else if constexpr (!std::is_same_v<Part, Random::State>) {
        if (found->second.shape() != part.shape()) {
          keys.mismatched_keys.push_back(name);
          shapes_.push_back(
              to_message(name, ": expected ", part.shape(), ", got ", found->second.shape()));
        }
      }
    }
    for (const auto& [name, part] : got) {
      if (!expected.contains(name)) {
        keys.unexpected_keys.push_back(name);
      }
    }
  }

  template <class U>
  void compare_shared(const std::map<std::string, std::string>& shared,
                      const std::map<std::string, Tensor<U>>& expected,
                      const std::map<std::string, Tensor<U>>& got) {
    for (const auto& [path, first] : shared) {
      const auto part = expected.find(path);
      const auto found = got.find(path);
      if (part != expected.end() && found != got.end() &&
          in_conflict(part->second.shape(), found->second, got.at(first))) {
        conflicts_.push_back(to_message(path, " and ", first));
      }
    }
  }

  /// One line; empty when nothing differs.
  std::string message() const {
    std::string text;
    append(text, "missing", keys.missing_keys);
    append(text, "unexpected", keys.unexpected_keys);
    append(text, "of another shape", shapes_);
    append(text, "shared with different values", conflicts_);
    return text;
  }

  /// The same of what no part of a state may have.
  std::string conflicts() const {
    std::string text;
    append(text, "shared with different values", conflicts_);
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

  std::vector<std::string> shapes_;
  std::vector<std::string> conflicts_;
};

/// How `got` differs from the state of a module, once shared tensors are at all their paths. Random
/// states count only if there are any.
template <class T>
StateDifferences compare_states(const StateDict<T>& own, const StateDict<T>& got) {
  StateDifferences differences;
  differences.compare(own.tensors, got.tensors);
  differences.compare(own.counters, got.counters);
  differences.compare_shared(own.shared, own.tensors, got.tensors);
  differences.compare_shared(own.shared, own.counters, got.counters);
  if (!got.random_states.empty()) {
    differences.compare(own.random_states, got.random_states);
  }
  return differences;
}

/// `state` with the tensors that `own` shares at all their paths.
template <class T>
StateDict<T> with_shared(const StateDict<T>& own, StateDict<T> state) {
  spread_shared(own.shared, state.tensors);
  spread_shared(own.shared, state.counters);
  return state;
}

/// Copies the tensors that have the same name and shape.
template <class U>
void copy_fitting(const std::map<std::string, Tensor<U>>& from,
                  std::map<std::string, Tensor<U>>& to) {
  for (auto& [name, tensor] : to) {
    const auto found = from.find(name);
    if (found != from.end() && found->second.shape() == tensor.shape()) {
      tensor.copy_from(found->second);
    }
  }
}

}  // namespace detail

/// The state of `module`: handles to its memory.
template <class T>
StateDict<T> state_dict(Module<T>& module) {
  detail::StateCollector<T> collector;
  module.visit(collector);
  return std::move(collector.state);
}

/// In one line, how `state` differs in names and shapes from the state of `module`, or in the
/// values of a tensor that the module shares; empty when it fits. Random states count only if
/// `state` has any.
template <class T>
std::string state_differences(Module<T>& module, const StateDict<T>& state) {
  const auto own = state_dict(module);
  return detail::compare_states(own, detail::with_shared(own, state)).message();
}

/// Options of load_state_dict.
struct LoadStateDictOptions {
  bool strict = true;  ///< else what fits is loaded, and the rest stays as it was
};

/// Copies `state` into `module`: all of it or, when it does not fit exactly, nothing. A tensor that
/// the module shares may be there under one of its paths or, with the same values, under several.
/// Random generators keep their state when `state` has none. Throws ValueError with the
/// differences.
///
/// With {.strict = false} it copies what has the name and the shape of a part of the module, and
/// returns what that leaves. It then throws only for a shared tensor with different values, both of
/// the right shape.
template <class T>
IncompatibleKeys load_state_dict(Module<T>& module, const StateDict<T>& state,
                                 const LoadStateDictOptions& options = {}) {
  auto own = state_dict(module);
  const auto given = detail::with_shared(own, state);
  const auto differences = detail::compare_states(own, given);
  const std::string wrong = options.strict ? differences.message() : differences.conflicts();
  require<ValueError>(wrong.empty(), "load_state_dict: expected the state of ", module.describe(),
                      ", got ", wrong);
  detail::copy_fitting(given.tensors, own.tensors);
  detail::copy_fitting(given.counters, own.counters);
  detail::round_masters(module);
  detail::RandomRestorer<T> restorer(given.random_states);
  module.visit(restorer);
  return differences.keys;
}

/// Gives back the memory of the masters that loading has made, of parameters of bfloat16: a module
/// that is not trained any more keeps two bytes a parameter, not six. What a master has beyond its
/// value is lost. A module of other numbers has no masters.
///
///   io::load(path, model);
///   nn::drop_masters(model);
template <class T>
void drop_masters(Module<T>& module) {
  if constexpr (is_bfloat16<T>) {
    detail::MasterDropper<T> dropper;
    module.visit(dropper);
  }
}

}  // namespace nn
CNNRNN_NAMESPACE_END
