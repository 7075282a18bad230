#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <utility>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// What multiplies the learning rate at a step, 0, 1, 2, ...; a step is a batch or an epoch, as the
/// caller counts. A schedule is a function without a state, so a resumed run needs only the step.
using Schedule = std::function<double(Index step)>;

namespace detail {

/// from at 0, to at 1
inline double linear_between(double from, double to, double share) {
  return from + (to - from) * share;
}

/// The same along half a cosine, flat at both ends.
inline double cosine_between(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

inline void require_factor(const char* who, const char* what, double factor) {
  require<ValueError>(factor >= 0 && std::isfinite(factor), who, ": expected ", what,
                      " of 0 or more, got ", factor);
}

}  // namespace detail

/// Always 1.
inline Schedule constant_schedule() {
  return [](Index) { return 1.0; };
}

/// Options of step_schedule.
struct StepScheduleOptions {
  Index every = 30;     ///< steps between two changes
  double factor = 0.1;  ///< of each change
};

/// factor^(step / every), the quotient rounded down: PyTorch's StepLR.
inline Schedule step_schedule(const StepScheduleOptions& options = {}) {
  require<ValueError>(options.every > 0, "step_schedule: expected a positive every, got ",
                      options.every);
  detail::require_factor("step_schedule", "a factor", options.factor);
  return [options](Index step) {
    const Index drops = step / options.every;
    return std::pow(options.factor, static_cast<double>(drops));
  };
}

/// Options of cosine_schedule.
struct CosineScheduleOptions {
  Index steps = 0;     ///< until the lowest point
  double minimum = 0;  ///< the factor there, and from there on
};

/// minimum + (1 - minimum) (1 + cos(pi step / steps)) / 2 (Loshchilov and Hutter 2017, equation 5,
/// without restarts): PyTorch's CosineAnnealingLR up to `steps`, which rises again after it.
inline Schedule cosine_schedule(const CosineScheduleOptions& options) {
  require<ValueError>(options.steps > 0, "cosine_schedule: expected positive steps, got ",
                      options.steps);
  detail::require_factor("cosine_schedule", "a minimum", options.minimum);
  return [options](Index step) {
    const double share =
        static_cast<double>(std::min(step, options.steps)) / static_cast<double>(options.steps);
    return detail::cosine_between(1, options.minimum, share);
  };
}

/// Options of one_cycle_schedule.
struct OneCycleScheduleOptions {
  Index steps = 0;              ///< in all
  double warm_up_share = 0.3;   ///< of the steps that rise
  double initial_divisor = 25;  ///< the first factor is 1 / initial_divisor
  double final_divisor = 1e4;   ///< the last factor is the first / final_divisor
  bool linear = false;          ///< straight lines instead of half cosines
};

/// Up to 1 and down again over all steps (Smith and Topin 2019): PyTorch's OneCycleLR with two
/// phases, the optimizer's learning rate being the highest one; it does not change the momentum.
/// After the last step the factor stays.
inline Schedule one_cycle_schedule(const OneCycleScheduleOptions& options) {
  const char* const who = "one_cycle_schedule";
  const double top = options.warm_up_share * static_cast<double>(options.steps) - 1;
  const auto last = static_cast<double>(options.steps - 1);
  require<ValueError>(options.warm_up_share < 1 && top > 0, who,
                      ": expected more than one rising step and a share below 1, got a share of ",
                      options.warm_up_share, " of ", options.steps, " steps");
  require<ValueError>(options.initial_divisor > 0 && options.final_divisor > 0, who,
                      ": expected positive divisors, got ", options.initial_divisor, " and ",
                      options.final_divisor);
  return [options, top, last](Index index) {
    const auto between = options.linear ? detail::linear_between : detail::cosine_between;
    const double first = 1 / options.initial_divisor;
    const double step = std::min(static_cast<double>(index), last);
    return step <= top ? between(first, 1, step / top)
                       : between(1, first / options.final_divisor, (step - top) / (last - top));
  };
}

/// Options of warm_up.
struct WarmUpOptions {
  Index steps = 5;         ///< that rise
  double start = 1.0 / 3;  ///< the factor of the first
};

/// Rises in a straight line from `start` to 1, then follows `then`, which begins at its step 0:
/// PyTorch's SequentialLR of LinearLR and another.
inline Schedule warm_up(const WarmUpOptions& options, Schedule then = constant_schedule()) {
  require<ValueError>(options.steps > 0, "warm_up: expected positive steps, got ", options.steps);
  detail::require_factor("warm_up", "a start", options.start);
  return [options, then = std::move(then)](Index step) {
    return step < options.steps ? detail::linear_between(options.start, 1,
                                                         static_cast<double>(step) /
                                                             static_cast<double>(options.steps))
                                : then(step - options.steps);
  };
}

/// A point of a piecewise linear schedule.
struct ScheduleKnot {
  Index step;     ///< from 0 on
  double factor;  ///< of the learning rate
};

/// Straight lines from knot to knot, as NumPy's interp: before the first and behind the last the
/// factor is theirs. Throws ValueError unless the steps of the knots rise and the factors are 0 or
/// more.
inline Schedule piecewise_linear_schedule(std::vector<ScheduleKnot> knots) {
  const char* const who = "piecewise_linear_schedule";
  require<ValueError>(!knots.empty(), who, ": expected at least one knot, got none");
  for (std::size_t i = 0; i < knots.size(); ++i) {
    detail::require_factor(who, "a factor", knots[i].factor);
    require<ValueError>(i == 0 || knots[i - 1].step < knots[i].step, who,
                        ": expected rising steps, got ", knots[i].step, " after ",
                        knots[i == 0 ? 0 : i - 1].step);
  }
  return [knots = std::move(knots)](Index step) {
    const auto right =
        std::upper_bound(knots.begin(), knots.end(), step,
                         [](Index at, const ScheduleKnot& knot) { return at < knot.step; });
    if (right == knots.begin() || right == knots.end()) {
      return right == knots.begin() ? right->factor : knots.back().factor;
    }
    const ScheduleKnot& left = *(right - 1);
    return detail::linear_between(
        left.factor, right->factor,
        static_cast<double>(step - left.step) / static_cast<double>(right->step - left.step));
  };
}

/// A schedule that counts epochs, for callers that count batches.
inline Schedule per_epoch(Schedule by_epoch, Index batches) {
  require<ValueError>(batches > 0, "per_epoch: expected positive batches, got ", batches);
  return [by_epoch = std::move(by_epoch), batches](Index step) { return by_epoch(step / batches); };
}

}  // namespace optim
CNNRNN_NAMESPACE_END
