#pragma once

#include "cnnrnn/optim/followed_state.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Options of Lookahead.
struct LookaheadOptions {
  Index every = 5;     ///< steps of the optimizer from one synchronisation to the next
  double share = 0.5;  ///< of the way that the slow weights go: alpha
};

/// Lookahead (Zhang et al. 2019): slow weights, which begin as the module's parameters and buffers,
/// go a share of the way to them after some steps of any optimizer, and the module goes on from
/// there. Throws ValueError for an option out of range.
///
///   optimizer.step(); lookahead.step();               // in every step
template <class T>
class Lookahead {
 public:
  /// The slow weights of a module, which begin at the values that the parameters have.
  explicit Lookahead(nn::Module<T>& module, const LookaheadOptions& options = {})
      : slow_(module), options_(options) {
    require<ValueError>(options.every > 0, "Lookahead: expected a positive every, got ",
                        options.every);
    check_share(options.share);
  }

  /// Counts a step of the optimizer, and synchronises if it is time.
  void step() {
    if (++steps_ % options_.every == 0) {
      synchronise(options_.share);
    }
  }

  /// slow = slow + share (module - slow), module = slow. A share of 0 gives the module the slow
  /// weights, as at the end of a training.
  void synchronise(double share) {
    check_share(share);
    slow_.approach(share);
    slow_.assign();
  }

  /// The slow weights and the number of steps, for a checkpoint.
  nn::StateDict<T> state() const {
    auto state = slow_.state();
    state.counters.emplace(counter, Tensor<Index>::scalar(steps_));
    return state;
  }

  /// Takes over a copy of what another one of the same module had. Throws ValueError when it does
  /// not fit, and then changes nothing.
  void load_state(nn::StateDict<T> state) {
    const auto steps = state.counters.find(counter);
    require<ValueError>(steps != state.counters.end() && steps->second.size() == 1,
                        "Lookahead: expected a state with ", counter, ", got none");
    const Index count = steps->second.data()[0];
    state.counters.erase(steps);
    slow_.load("Lookahead", state);
    steps_ = count;
  }

 private:
  static constexpr const char* counter = "lookahead.steps";

  static void check_share(double share) {
    require<ValueError>(share >= 0 && share <= 1, "Lookahead: expected a share of 0 to 1, got ",
                        share);
  }

  detail::FollowedState<T> slow_;
  LookaheadOptions options_;
  Index steps_ = 0;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
