#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Several optimizers as one, each with parameters of its own: Muon for the matrices and AdamW for
/// the rest. Groups, and parameters in the state, count on from one optimizer to the next.
///
///   optim::Combined<float> both(std::make_unique<optim::Muon<float>>(matrices),
///                               std::make_unique<optim::AdamW<float>>(rest));
template <class T>
class Combined : public Optimizer<T> {
 public:
  /// Throws ValueError for a null pointer, and for a parameter of two optimizers.
  template <class... Parts>
  explicit Combined(std::unique_ptr<Parts>... parts) : Optimizer<T>("Combined") {
    (parts_.push_back(std::move(parts)), ...);
    std::set<const Record<T>*> seen;
    for (const auto& part : parts_) {
      require<ValueError>(part != nullptr, "Combined: expected optimizers, got a null pointer");
      for (const auto& parameter : part->parameters()) {
        require<ValueError>(
            seen.insert(parameter.edge().record.get()).second,
            "Combined: expected every parameter in one optimizer, got one of shape ",
            parameter.shape(), " in two");
      }
    }
  }

  void step() override {
    for (const auto& part : parts_) {
      part->step();
    }
  }

  void zero_grad() override {
    for (const auto& part : parts_) {
      part->zero_grad();
    }
  }

  std::vector<Variable<T>> parameters() const override {
    std::vector<Variable<T>> all;
    for (const auto& part : parts_) {
      const auto more = part->parameters();
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  /// Number of groups of all optimizers.
  std::size_t groups() const override {
    std::size_t count = 0;
    for (const auto& part : parts_) {
      count += part->groups();
    }
    return count;
  }

  void set_learning_rate_factor(double factor) override {
    for (const auto& part : parts_) {
      part->set_learning_rate_factor(factor);
    }
  }
  void set_learning_rate_factor(double factor, std::size_t group) override {
    const auto [part, own] = part_of(group);
    part->set_learning_rate_factor(factor, own);
  }
  double learning_rate(std::size_t group = 0) const override {
    const auto [part, own] = part_of(group);
    return part->learning_rate(own);
  }

  std::string describe() const override {
    std::string text = "Combined(";
    for (const auto& part : parts_) {
      text += (part == parts_.front() ? "" : ", ") + part->describe();
    }
    return text + ')';
  }

  OptimizerState<T> state() const override {
    OptimizerState<T> all;
    std::vector<OptimizerState<T>> own;
    for (const auto& part : parts_) {
      own.push_back(part->state());
    }
    for (const auto& [index, home] : homes()) {
      const auto take = [&, &new_index = index, &place = home](const auto& from, auto& to) {
        for (const auto& [name, value] : from) {
          if (index_of(name) == place.index) {
            to.emplace(new_index + name.substr(place.index.size()), value);
          }
        }
      };
      take(own[home.part].tensors, all.tensors);
      take(own[home.part].steps, all.steps);
    }
    return all;
  }

  void load_state(const OptimizerState<T>& state) override {
    std::vector<OptimizerState<T>> before;
    try {
      for (const auto& own : split(state)) {
        Optimizer<T>& part = *parts_[before.size()];
        before.push_back(part.state());
        part.load_state(own);
      }
    } catch (const ValueError&) {
      for (std::size_t i = 0; i < before.size(); ++i) {
        parts_[i]->load_state(before[i]);
      }
      throw;
    }
  }

 private:
  /// The part that an index of the whole state belongs to, and what it is there.
  struct Home {
    std::size_t part;
    std::string index;
  };

  static std::string index_of(const std::string& name) { return name.substr(0, name.find('.')); }

  /// Those of all parameters, 0, 1, ..., and of the schedules: `all1` is `all` of part 1, and
  /// `all1-0` is `all0` of a part 1 that is combined itself.
  std::map<std::string, Home> homes() const {
    std::map<std::string, Home> result;
    Index next = 0;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      for (const std::string& own : schedules_of(*parts_[part])) {
        const std::string within = own.substr(std::string("all").size());
        result.emplace(to_message("all", part, within.empty() ? "" : "-", within), Home{part, own});
      }
      for (Index own = 0; own < std::ssize(parts_[part]->parameters()); ++own) {
        result.emplace(to_message(next++), Home{part, to_message(own)});
      }
    }
    return result;
  }

  /// What an optimizer calls its schedules.
  static std::vector<std::string> schedules_of(const Optimizer<T>& optimizer) {
    const auto* const combined = dynamic_cast<const Combined*>(&optimizer);
    if (combined == nullptr) {
      return {"all"};
    }
    std::vector<std::string> names;
    for (const auto& [name, home] : combined->homes()) {
      if (name.starts_with("all")) {
        names.push_back(name);
      }
    }
    return names;
  }

  std::pair<Optimizer<T>*, std::size_t> part_of(std::size_t group) const {
    std::size_t own = group;
    for (const auto& part : parts_) {
      if (own < part->groups()) {
        return {part.get(), own};
      }
      own -= part->groups();
    }
    throw ValueError(
        to_message("Combined: expected a group below ", groups(), ", got group ", group));
  }

  /// The states of the parts. Throws ValueError for a name that none of them can have.
  std::vector<OptimizerState<T>> split(const OptimizerState<T>& state) const {
    std::vector<OptimizerState<T>> own(parts_.size());
    const auto all = homes();
    const auto give = [&](const auto& from, const auto& slot) {
      for (const auto& [name, value] : from) {
        const auto home = all.find(index_of(name));
        require<ValueError>(home != all.end(), "Combined: expected the state of ",
                            this->parameters().size(), " parameters, got one with ", name);
        const auto& [part, index] = home->second;
        slot(own[part]).emplace(index + name.substr(home->first.size()), value);
      }
    };
    give(
        state.tensors, [](auto& part) -> auto& { return part.tensors; });
    give(
        state.steps, [](auto& part) -> auto& { return part.steps; });
    return own;
  }

  // What a single optimizer does with one parameter is the parts' affair.
  using typename Optimizer<T>::Memory;
  using typename Optimizer<T>::Rates;
  void update(Tensor<Accumulator<T>>&, const Tensor<Accumulator<T>>&, Memory&,
              const Rates&) override {}
  std::string options() const override { return {}; }

  std::vector<std::unique_ptr<Optimizer<T>>> parts_;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
