#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/nn/sequence_layer.hpp"
#include "cnnrnn/optim/schedule.hpp"

// The recipes of airbench (Jordan 2024, "94 % on CIFAR-10 in 3.29 seconds on a single GPU", and its
// repository), which train for 94, 95 or 96 % on average.

namespace speedrun {

/// How a network learns. Learning rates are for the sum of the losses of a batch; a weight decay is
/// what is taken from a weight in a step at the full rate, whatever the rate.
struct Recipe {
  std::array<cnnrnn::Index, 3> widths;
  bool residual = false;  ///< a third convolution in each group, and a shortcut around two
  double norm_momentum = 0.4;
  double output_scale = 1.0 / 9;
  bool unit_head = false;  ///< the weights of the head start with a deviation of 1

  cnnrnn::Index translate = 2;  ///< pixels
  cnnrnn::Index cutout = 0;     ///< pixels of a side

  double epochs;
  cnnrnn::Index batch = 1024;
  double learning_rate;
  double norm_learning_rate;
  double head_learning_rate;
  double weight_decay;
  cnnrnn::optim::Schedule (*schedule)(cnnrnn::Index steps);
  bool lookahead = true;
  bool muon = false;  ///< for the 3x3 convolutions

  std::optional<cnnrnn::nn::Cell> rnn = {};  ///< of a sweep behind a group, or none
  cnnrnn::Index after = 2;                   ///< the group, from 1 on
};

inline constexpr double momentum = 0.85;
inline constexpr double label_smoothing = 0.2;
inline constexpr cnnrnn::Index whiten_epochs =
    3;  ///< in which the bias behind the whitening learns

/// From 0.2 to 1 over a share of the steps, then to `last`, in straight lines.
template <int rising_percent, int last_percent>
cnnrnn::optim::Schedule triangle(cnnrnn::Index steps) {
  const auto top = static_cast<cnnrnn::Index>(rising_percent / 100.0 * static_cast<double>(steps));
  std::vector<cnnrnn::optim::ScheduleKnot> knots{{top, 1}, {steps, last_percent / 100.0}};
  if (top > 0) {
    knots.insert(knots.begin(), {0, 0.2});
  }
  return cnnrnn::optim::piecewise_linear_schedule(knots);
}

/// From 1 to 0 in a straight line.
inline cnnrnn::optim::Schedule falling(cnnrnn::Index steps) {
  return cnnrnn::optim::piecewise_linear_schedule({{0, 1}, {steps, 0}});
}

/// What a plain rate for momentum 0.85 with Nesterov is divided by: how much further a step goes
/// than the gradients of 1024 images.
inline constexpr double kilostep = 1024 * (1 + 1 / (1 - momentum));

inline Recipe sgd_recipe(double rate, double decay, double epochs) {
  Recipe recipe{};
  recipe.epochs = epochs;
  recipe.learning_rate = recipe.head_learning_rate = rate / kilostep;
  recipe.norm_learning_rate = 64 * rate / kilostep;
  recipe.weight_decay = decay * 1024 / kilostep;
  return recipe;
}

/// Throws ValueError for a pair of target and optimizer that has no recipe.
inline Recipe recipe_for(int target, const std::string& optimizer) {
  using cnnrnn::require;
  require<cnnrnn::ValueError>(optimizer == "sgd" || (optimizer == "muon" && target == 94),
                              "--optimizer: expected sgd, or muon for the target 94, got ",
                              optimizer, " for ", target);
  Recipe recipe;
  if (optimizer == "muon") {
    recipe = {.widths = {64, 256, 256},
              .output_scale = 1.0 / 256,
              .unit_head = true,
              .epochs = 8,
              .batch = 2000,
              .learning_rate = 0.053,
              .norm_learning_rate = 0.053,
              .head_learning_rate = 0.67,
              .weight_decay = 2e-6 * 2000,
              .schedule = falling,
              .lookahead = false,
              .muon = true};
  } else if (target == 94) {
    recipe = sgd_recipe(11.5, 0.0153, 9.9);
    recipe.widths = {64, 256, 256};
    recipe.schedule = triangle<23, 7>;
  } else if (target == 95) {
    recipe = sgd_recipe(10, 0.0153, 15);
    recipe.widths = {128, 384, 384};
    recipe.schedule = triangle<23, 7>;
  } else {
    require<cnnrnn::ValueError>(target == 96, "--target: expected 94, 95 or 96, got ", target);
    recipe = sgd_recipe(9, 0.012, 37);
    recipe.widths = {128, 384, 512};
    recipe.residual = true;
    recipe.norm_momentum = 0.1;
    recipe.translate = 4;
    recipe.cutout = 12;
    recipe.schedule = triangle<10, 0>;
  }
  return recipe;
}

}  // namespace speedrun
