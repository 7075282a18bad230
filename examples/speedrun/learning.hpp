#pragma once

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "cnnrnn/nn/whitening.hpp"
#include "speedrun/network.hpp"

namespace speedrun {

/// Gives the first layer its filters from images (N, 32, 32, 3), and keeps them.
template <class T>
void whiten(Network<T>& network, const Tensor<float>& images) {
  Variable<T> weight = network.whiten().weight();
  auto filters = weight.master();
  nn::init::whitening(filters, images, {.epsilon = 5e-4});
  weight.round_master();
  network.set_requires_grad(false, "whiten.weight");
}

/// The parameters by the way they learn.
template <class T>
struct Learners {
  std::vector<Variable<T>> whiten_bias;
  std::vector<Variable<T>> norms;
  std::vector<Variable<T>> convolutions;
  std::vector<Variable<T>> head;
  std::vector<Variable<T>> sweep;

  explicit Learners(Network<T>& network) {
    for (const auto& [name, parameter] : network.named_parameters()) {
      if (name.starts_with("groups.")) {
        (parameter.rank() == 4 ? convolutions : norms).push_back(parameter);
      } else if (name.starts_with("head.")) {
        head.push_back(parameter);
      } else if (name.starts_with("sweep.")) {
        sweep.push_back(parameter);
      } else if (name == "whiten.bias") {
        whiten_bias.push_back(parameter);
      }
    }
  }
};

/// The optimizer of all but a sweep, with its schedules.
template <class T>
std::unique_ptr<optim::Optimizer<T>> optimizer_for(const Learners<T>& learners,
                                                   const Recipe& recipe, Index steps,
                                                   Index whiten_steps) {
  const auto group = [&](const auto& parameters, double rate, const optim::Schedule& schedule) {
    return optim::ParameterGroup<T>{.parameters = parameters,
                                    .learning_rate = rate,
                                    .weight_decay = recipe.weight_decay / rate,
                                    .schedule = schedule};
  };
  const auto schedule = recipe.schedule(steps);
  std::vector<optim::ParameterGroup<T>> groups{
      group(learners.whiten_bias, recipe.learning_rate,
            recipe.muon ? recipe.schedule(whiten_steps) : schedule),
      group(learners.norms, recipe.norm_learning_rate, schedule),
      group(learners.head, recipe.head_learning_rate, schedule)};
  if (!recipe.muon) {
    groups.push_back(group(learners.convolutions, recipe.learning_rate, schedule));
  }
  auto sgd = std::make_unique<optim::Sgd<T>>(
      groups, optim::SgdOptions{.momentum = momentum, .nesterov = true});
  if (!recipe.muon) {
    return sgd;
  }
  auto muon = std::make_unique<optim::Muon<T>>(
      std::vector<optim::ParameterGroup<T>>{
          {.parameters = learners.convolutions, .schedule = schedule}},
      optim::MuonOptions{.learning_rate = 0.24,
                         .momentum = 0.6,
                         .weight_decay = 0,
                         .steps = 3,
                         .scaling = optim::MuonScaling::none});
  return std::make_unique<optim::Combined<T>>(std::move(sgd), std::move(muon));
}

/// The optimizer of a recipe. A sweep learns by AdamW, on the same course.
template <class T>
std::unique_ptr<optim::Optimizer<T>> optimizer_for(Network<T>& network, const Recipe& recipe,
                                                   Index steps, Index whiten_steps) {
  const Learners<T> learners(network);
  auto rest = optimizer_for(learners, recipe, steps, whiten_steps);
  if (learners.sweep.empty()) {
    return rest;
  }
  auto adam = std::make_unique<optim::AdamW<T>>(
      std::vector<optim::ParameterGroup<T>>{
          {.parameters = learners.sweep, .schedule = recipe.schedule(steps)}},
      optim::AdamWOptions{.learning_rate = 3e-3, .weight_decay = 0.05});
  return std::make_unique<optim::Combined<T>>(std::move(rest), std::move(adam));
}

/// Gives each filter a norm of 1 on average, before Muon's step changes it.
template <class T>
void normalise_convolutions(Network<T>& network) {
  for (auto& parameter : Learners<T>(network).convolutions) {
    auto weight = parameter.master();
    const double factor = std::sqrt(static_cast<double>(weight.dim(0)) / squares(weight));
    for (auto& w : weight.mutable_span()) {
      w *= static_cast<Accumulator<T>>(factor);
    }
    parameter.round_master();
  }
}

/// Lookahead whose slow weights follow less and less, every fifth step, and are the result at the
/// end.
template <class T>
void look_ahead(optim::Lookahead<T>& slow, Index step, Index steps) {
  if (step % 5 == 0) {
    const double share = static_cast<double>(step) / static_cast<double>(steps);
    slow.synchronise(1 - std::pow(0.95, 5) * std::pow(share, 3));
  }
  if (step == steps) {
    slow.synchronise(0);
  }
}

}  // namespace speedrun
