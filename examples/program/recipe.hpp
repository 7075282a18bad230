#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "program/parameter_groups.hpp"
#include "program/settings.hpp"

namespace program {

/// What --recipe may be: that of Yin, Zhang and Shao (2019), which the defaults are, or that of
/// today: AdamW, a one-cycle schedule, crops and flips, smoothed labels.
inline std::vector<std::string> recipe_names() { return {"paper", "modern"}; }
inline std::vector<std::string> optimizer_names() { return {"sgd", "adam", "adamw"}; }
inline std::vector<std::string> schedule_names() { return {"constant", "cosine", "one-cycle"}; }

/// Sets what the configuration's recipe stands for, but for the entries that the user named.
inline void follow_recipe(RunConfig& config, const std::set<std::string>& given) {
  if (config.recipe != "modern") {
    return;
  }
  const auto set = [&](const char* name, auto& entry, const auto& value) {
    if (!given.contains(name)) {
      entry = value;
    }
  };
  set("optimizer", config.optimizer, "adamw");
  set("learning_rate", config.learning_rate, 3e-3);
  set("weight_decay", config.weight_decay, 0.05);
  set("rnn_l2", config.rnn_l2, 0.0);
  set("schedule", config.schedule, "one-cycle");
  set("label_smoothing", config.label_smoothing, 0.1);
  set("augment", config.augment, true);
}

/// The optimizer of a configuration for the parameters of a model.
template <class T>
std::unique_ptr<cnnrnn::optim::Optimizer<T>> make_optimizer(const RunConfig& config,
                                                            cnnrnn::nn::Module<T>& model) {
  using namespace cnnrnn::optim;
  const auto groups = parameter_groups(model, config.weight_decay + config.rnn_l2);
  if (config.optimizer == "sgd") {
    return std::make_unique<Sgd<T>>(groups, SgdOptions{.learning_rate = config.learning_rate,
                                                       .momentum = config.momentum,
                                                       .weight_decay = config.weight_decay});
  }
  if (config.optimizer == "adamw") {
    return std::make_unique<AdamW<T>>(groups, AdamWOptions{.learning_rate = config.learning_rate,
                                                           .weight_decay = config.weight_decay});
  }
  return std::make_unique<Adam<T>>(groups, AdamOptions{.learning_rate = config.learning_rate,
                                                       .weight_decay = config.weight_decay});
}

/// The course of the learning rate over that many steps.
inline cnnrnn::optim::Schedule make_schedule(const RunConfig& config, cnnrnn::Index steps) {
  using namespace cnnrnn::optim;
  if (config.schedule == "cosine") {
    return cosine_schedule({.steps = steps});
  }
  return config.schedule == "one-cycle" ? one_cycle_schedule({.steps = steps})
                                        : constant_schedule();
}

}  // namespace program
