#pragma once

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "cnnrnn/nn/whitening.hpp"
#include "speedrun/network.hpp"

namespace speedrun {

/// Gives the first layer its filters from images (N, 32, 32, 3), and keeps them.
inline void whiten(Network& network, const Tensor<float>& images) {
  nn::init::whitening(network.whiten().weight().mutable_value(), images, {.epsilon = 5e-4});
  network.set_requires_grad(false, "whiten.weight");
}

/// The parameters by the way they learn.
struct Learners {
  std::vector<Variable<float>> whiten_bias;
  std::vector<Variable<float>> norms;
  std::vector<Variable<float>> convolutions;
  std::vector<Variable<float>> head;
  std::vector<Variable<float>> sweep;

  explicit Learners(Network& network) {
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
inline std::unique_ptr<optim::Optimizer<float>> optimizer_for(const Learners& learners,
                                                              const Recipe& recipe, Index steps,
                                                              Index whiten_steps) {
  const auto group = [&](const auto& parameters, double rate, const optim::Schedule& schedule) {
    return optim::ParameterGroup<float>{.parameters = parameters,
                                        .learning_rate = rate,
                                        .weight_decay = recipe.weight_decay / rate,
                                        .schedule = schedule};
  };
  const auto schedule = recipe.schedule(steps);
  std::vector<optim::ParameterGroup<float>> groups{
      group(learners.whiten_bias, recipe.learning_rate,
            recipe.muon ? recipe.schedule(whiten_steps) : schedule),
      group(learners.norms, recipe.norm_learning_rate, schedule),
      group(learners.head, recipe.head_learning_rate, schedule)};
  if (!recipe.muon) {
    groups.push_back(group(learners.convolutions, recipe.learning_rate, schedule));
  }
  auto sgd = std::make_unique<optim::Sgd<float>>(
      groups, optim::SgdOptions{.momentum = momentum, .nesterov = true});
  if (!recipe.muon) {
    return sgd;
  }
  auto muon = std::make_unique<optim::Muon<float>>(
      std::vector<optim::ParameterGroup<float>>{
          {.parameters = learners.convolutions, .schedule = schedule}},
      optim::MuonOptions{.learning_rate = 0.24,
                         .momentum = 0.6,
                         .weight_decay = 0,
                         .steps = 3,
                         .scaling = optim::MuonScaling::none});
  return std::make_unique<optim::Combined<float>>(std::move(sgd), std::move(muon));
}

/// The optimizer of a recipe. A sweep learns by AdamW, on the same course.
inline std::unique_ptr<optim::Optimizer<float>> optimizer_for(Network& network,
                                                              const Recipe& recipe, Index steps,
                                                              Index whiten_steps) {
  const Learners learners(network);
  auto rest = optimizer_for(learners, recipe, steps, whiten_steps);
  if (learners.sweep.empty()) {
    return rest;
  }
  auto adam = std::make_unique<optim::AdamW<float>>(
      std::vector<optim::ParameterGroup<float>>{
          {.parameters = learners.sweep, .schedule = recipe.schedule(steps)}},
      optim::AdamWOptions{.learning_rate = 3e-3, .weight_decay = 0.05});
  return std::make_unique<optim::Combined<float>>(std::move(rest), std::move(adam));
}

/// Gives each filter a norm of 1 on average, before Muon's step changes it.
inline void normalise_convolutions(Network& network) {
  for (auto& weight : Learners(network).convolutions) {
    double squares = 0;
    for (const float w : weight.value().span()) {
      squares += static_cast<double>(w) * static_cast<double>(w);
    }
    const auto factor =
        static_cast<float>(std::sqrt(static_cast<double>(weight.value().dim(0)) / squares));
    for (float& w : weight.mutable_value().mutable_span()) {
      w *= factor;
    }
  }
}

/// Lookahead whose slow weights follow less and less, every fifth step, and are the result at the
/// end.
inline void look_ahead(optim::Lookahead<float>& slow, Index step, Index steps) {
  if (step % 5 == 0) {
    const double share = static_cast<double>(step) / static_cast<double>(steps);
    slow.synchronise(1 - std::pow(0.95, 5) * std::pow(share, 3));
  }
  if (step == steps) {
    slow.synchronise(0);
  }
}

}  // namespace speedrun
