#pragma once

#include "cnnrnn/optim/followed_state.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Options of ExponentialMovingAverage.
struct ExponentialMovingAverageOptions {
  double decay = 0.999;  ///< how much of the average stays in each update
};

/// The exponential moving average of a module's parameters and buffers, which often predicts better
/// than the module (Polyak and Juditsky 1992): average = decay average + (1 - decay) state. It
/// begins as the module's state. Throws ValueError unless the decay is in [0, 1].
///
///   optimizer.step(); average.update();               // in every step
///   { const auto swapped = average.swapped_in(); evaluate(...); }
template <class T>
class ExponentialMovingAverage {
 public:
  /// The averages of a module's parameters, which begin at the values that they have.
  explicit ExponentialMovingAverage(nn::Module<T>& module,
                                    const ExponentialMovingAverageOptions& options = {})
      : average_(module), decay_(options.decay) {
    check_decay(decay_);
  }

  /// Takes in the parameters as they are, with the decay of the options.
  void update() { update(decay_); }

  /// The same with another decay, as a schedule has it.
  void update(double decay) {
    check_decay(decay);
    average_.approach(1 - decay);
  }

  /// The average, for a checkpoint; its tensors are the memory of the average.
  const nn::StateDict<T>& state() const { return average_.state(); }

  /// Takes over a copy of what another average of the same module had. Throws ValueError when it
  /// does not fit, and then changes nothing.
  void load_state(const nn::StateDict<T>& state) {
    average_.load("ExponentialMovingAverage", state);
  }

  /// Exchanges the module's state and the average: after two times all is as before.
  void swap() { average_.swap(); }

  /// The module has the average while this lives.
  class Swapped {
   public:
    /// Puts the averages into the module.
    explicit Swapped(ExponentialMovingAverage& average) : average_(average) { average_.swap(); }
    ~Swapped() { average_.swap(); }
    Swapped(const Swapped&) = delete;
    Swapped& operator=(const Swapped&) = delete;

   private:
    ExponentialMovingAverage& average_;
  };

  /// Has the module run with the averages while the result lives.
  [[nodiscard]] Swapped swapped_in() { return Swapped(*this); }

 private:
  static void check_decay(double decay) {
    require<ValueError>(decay >= 0 && decay <= 1,
                        "ExponentialMovingAverage: expected a decay of 0 to 1, got ", decay);
  }

  detail::FollowedState<T> average_;
  double decay_;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
