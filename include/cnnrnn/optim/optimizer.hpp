#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/optim/schedule.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Parameters that are updated alike; what is not given is the optimizer's own option.
template <class T>
struct ParameterGroup {
  std::vector<Variable<T>> parameters;       ///< each in one group only
  std::optional<double> learning_rate = {};  ///< none: the optimizer's own
  std::optional<double> weight_decay = {};   ///< none: the optimizer's own
  Schedule schedule = {};  ///< of the steps of this optimizer: multiplies the learning rate
};

/// What an optimizer remembers, for a checkpoint: `3.exp_avg` belongs to its parameter 3, counted
/// over all groups. Tensors share the optimizer's memory.
template <class T>
struct OptimizerState {
  std::map<std::string, Tensor<Accumulator<T>>> tensors;  ///< by name
  std::map<std::string, Index> steps;  ///< `3.step`, for parameters that have been updated;
                                       ///< `all.step`, if a group has a schedule
};

namespace detail {

/// The shortest text that reads back as the same number.
inline std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

inline void require_rate(const char* who, double rate) {
  require<ValueError>(rate >= 0 && std::isfinite(rate), who,
                      ": expected a learning rate of 0 or more, got ", rate);
}

inline void require_decay(const char* who, double decay) {
  require<ValueError>(decay >= 0 && std::isfinite(decay), who,
                      ": expected a weight decay of 0 or more, got ", decay);
}

inline void require_share(const char* who, const char* what, double share) {
  require<ValueError>(share >= 0 && share < 1, who, ": expected ", what, " in [0, 1), got ", share);
}

}  // namespace detail

/// Base of the algorithms that change parameters along their gradients.
///
///   optimizer.zero_grad(); loss.backward(); optimizer.step();
template <class T>
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient; the others, frozen ones among them, and what is
  /// remembered of them stay.
  virtual void step() {
    for (auto& entry : entries_) {
      const Tensor<T> gradient = entry.parameter.grad();
      if (!gradient.defined()) {
        continue;
      }
      if (entry.memory.steps++ == 0) {
        for (auto& tensor : entry.memory.tensors) {
          tensor = Tensor<Accumulator<T>>::zeros(entry.parameter.shape());
        }
      }
      const Rates rates{scheduled_rate(entry), entry.weight_decay};
      auto value = entry.parameter.master();
      if constexpr (is_bfloat16<T>) {
        update_and_round(value, entry.parameter.mutable_value(), gradient, entry.memory, rates);
        entry.parameter.note_rounded();
      } else {
        update(value, gradient, entry.memory, rates);
      }
    }
    ++steps_;
  }

  /// Forgets the gradients of all parameters.
  virtual void zero_grad() {
    for (auto& entry : entries_) {
      entry.parameter.zero_grad();
    }
  }

  /// All parameters, group after group.
  virtual std::vector<Variable<T>> parameters() const {
    std::vector<Variable<T>> result;
    for (const auto& entry : entries_) {
      result.push_back(entry.parameter);
    }
    return result;
  }

  /// Number of groups.
  virtual std::size_t groups() const { return groups_.size(); }

  /// What multiplies the learning rate of every group, as a schedule sets it. Throws ValueError
  /// unless it is 0 or more.
  virtual void set_learning_rate_factor(double factor) {
    check_factor(factor);
    factor_ = factor;
  }

  /// What multiplies the learning rate of one group, beside the factor of all and the group's
  /// schedule. Throws ValueError unless it is 0 or more and the group exists.
  virtual void set_learning_rate_factor(double factor, std::size_t group) {
    check_factor(factor);
    check_group(group);
    groups_[group].factor = factor;
  }

  /// The learning rate that the next step uses for a group.
  virtual double learning_rate(std::size_t group = 0) const {
    for (const auto& entry : entries_) {
      if (entry.group == group) {
        return scheduled_rate(entry);
      }
    }
    throw ValueError(to_message(name_, ": expected a group with parameters, got group ", group));
  }

  /// The algorithm and every option in a line: optimizers with the same line, parameters and state
  /// do the same.
  virtual std::string describe() const {
    std::map<std::size_t, Index> parameters;
    for (const auto& entry : entries_) {
      ++parameters[entry.group];
    }
    std::string text = to_message(name_, '(', options());
    for (auto entry = entries_.begin(); entry != entries_.end();
         entry += parameters[entry->group]) {
      text += to_message("; ", parameters[entry->group], " parameters: learning rate ",
                         detail::number(entry->learning_rate), ", weight decay ",
                         detail::number(entry->weight_decay),
                         groups_[entry->group].schedule ? ", scheduled" : "");
    }
    return text + ')';
  }

  /// What it remembers. Learning rate factors belong to the schedule, not to the state.
  virtual OptimizerState<T> state() const {
    OptimizerState<T> state;
    if (has_schedule() && steps_ > 0) {
      state.steps.emplace(all_steps, steps_);
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto& memory = entries_[i].memory;
      if (memory.steps > 0) {
        state.steps.emplace(to_message(i, ".step"), memory.steps);
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
          state.tensors.emplace(to_message(i, '.', slots_[slot]), memory.tensors[slot]);
        }
      }
    }
    return state;
  }

  /// Takes over a copy of what another optimizer of the same kind and parameters remembered. Throws
  /// ValueError when the state does not fit, and then changes nothing.
  virtual void load_state(const OptimizerState<T>& state) {
    using A = Accumulator<T>;
    std::vector<Memory> loaded;
    std::size_t used = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Memory memory = {0, std::vector<Tensor<A>>(slots_.size())};
      const auto steps = state.steps.find(to_message(i, ".step"));
      if (steps != state.steps.end()) {
        require<ValueError>(steps->second > 0, name_, ": expected a positive ", steps->first,
                            ", got ", steps->second);
        memory.steps = steps->second;
        for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
          memory.tensors[slot] = found(state, i, slot).clone();
        }
        used += slots_.size();
      }
      loaded.push_back(std::move(memory));
    }
    const auto updated = static_cast<std::size_t>(
        std::count_if(loaded.begin(), loaded.end(), [](const auto& m) { return m.steps > 0; }));
    const auto all = state.steps.find(all_steps);
    const bool counts_all = all != state.steps.end() && has_schedule();
    require<ValueError>(counts_all || !has_schedule() || updated == 0, name_,
                        ": expected a state with ", all_steps, ", got none");
    const std::size_t counted = updated + (counts_all ? 1 : 0);
    require<ValueError>(used == state.tensors.size() && counted == state.steps.size(), name_,
                        ": expected the state of ", entries_.size(), " parameters, got ",
                        state.tensors.size(), " tensors and ", state.steps.size(), " steps");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].memory = std::move(loaded[i]);
    }
    steps_ = counts_all ? all->second : 0;
  }

 protected:
  /// What is remembered of one parameter: how often it was updated, and a tensor a slot.
  struct Memory {
    Index steps = 0;                              ///< how often it was updated
    std::vector<Tensor<Accumulator<T>>> tensors;  ///< one for each slot
  };

  /// What a group has of its own, or from the optimizer's options.
  struct Rates {
    double learning_rate;  ///< factor of a step
    double weight_decay;   ///< share of the weights, or of their gradient
  };

  /// `slot_names` are those of the remembered tensors, which begin as zeros.
  Optimizer(const char* name, const std::vector<ParameterGroup<T>>& groups, const Rates& rates,
            std::vector<std::string> slot_names)
      : name_(name), slots_(std::move(slot_names)) {
    detail::require_rate(name, rates.learning_rate);
    detail::require_decay(name, rates.weight_decay);
    std::set<const Record<T>*> seen;
    for (std::size_t group = 0; group < groups.size(); ++group) {
      const double rate = groups[group].learning_rate.value_or(rates.learning_rate);
      const double decay = groups[group].weight_decay.value_or(rates.weight_decay);
      detail::require_rate(name, rate);
      detail::require_decay(name, decay);
      groups_.push_back({groups[group].schedule, 1});
      for (const auto& parameter : groups[group].parameters) {
        check_parameter(parameter, seen);
        entries_.push_back({parameter,
                            group,
                            rate,
                            decay,
                            {0, std::vector<Tensor<Accumulator<T>>>(slots_.size())}});
      }
    }
    require<ValueError>(!entries_.empty(), name, ": expected at least one parameter, got none");
  }

  /// One that has no parameters of its own.
  explicit Optimizer(const char* name) : name_(name) {}

  /// Changes `value` along `gradient`; memory.steps counts this step already. Of bfloat16, the
  /// value is the master and all is float.
  virtual void update(Tensor<Accumulator<T>>& value, const Tensor<Accumulator<T>>& gradient,
                      Memory& memory, const Rates& rates) = 0;

  /// The same of bfloat16, which leaves the master, rounded, in the value. Unless overridden it
  /// takes a pass for each of the three.
  virtual void update_and_round(Tensor<Accumulator<T>>& master, Tensor<T>& value,
                                const Tensor<T>& gradient, Memory& memory, const Rates& rates) {
    update(master, kernels::widened(gradient), memory, rates);
    kernels::convert(master.size(), master.data(), value.mutable_data());
  }

  /// The options beside the rates, for describe().
  virtual std::string options() const = 0;

 private:
  struct Entry {
    Variable<T> parameter;
    std::size_t group;
    double learning_rate;
    double weight_decay;
    Memory memory;
  };

  struct Group {
    Schedule schedule;
    double factor;
  };

  bool has_schedule() const {
    return std::any_of(groups_.begin(), groups_.end(),
                       [](const Group& group) { return static_cast<bool>(group.schedule); });
  }

  double scheduled_rate(const Entry& entry) const {
    const Group& group = groups_[entry.group];
    const double scheduled = group.schedule ? group.schedule(steps_) : 1;
    check_factor(scheduled);
    return entry.learning_rate * factor_ * group.factor * scheduled;
  }

  void check_factor(double factor) const {
    require<ValueError>(factor >= 0 && std::isfinite(factor), name_,
                        ": expected a learning rate factor of 0 or more, got ", factor);
  }

  void check_group(std::size_t group) const {
    require<ValueError>(group < groups_.size(), name_, ": expected a group below ", groups_.size(),
                        ", got group ", group);
  }

  void check_parameter(const Variable<T>& parameter, std::set<const Record<T>*>& seen) const {
    require<ValueError>(
        parameter.defined() && parameter.edge() && parameter.edge().record->is_leaf(), name_,
        ": expected parameters, got a variable that collects no gradient");
    require<ValueError>(seen.insert(parameter.edge().record.get()).second, name_,
                        ": expected every parameter once, got one of shape ", parameter.shape(),
                        " twice");
  }

  const Tensor<Accumulator<T>>& found(const OptimizerState<T>& state, std::size_t index,
                                      std::size_t slot) const {
    const auto name = to_message(index, '.', slots_[slot]);
    const auto entry = state.tensors.find(name);
    require<ValueError>(entry != state.tensors.end(), name_, ": expected a state with ", name,
                        ", got none");
    const Shape& shape = entries_[index].parameter.shape();
    require<ValueError>(entry->second.shape() == shape, name_, ": expected ", name, " of shape ",
                        shape, ", got ", entry->second.shape());
    return entry->second;
  }

  static constexpr const char* all_steps = "all.step";

  const char* name_;
  std::vector<std::string> slots_;
  std::vector<Group> groups_;
  std::vector<Entry> entries_;
  double factor_ = 1;
  Index steps_ = 0;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
