#pragma once

#include <string>
#include <vector>

#include "cnnrnn/kernels/optimizer.hpp"
#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Options of Adam.
struct AdamOptions {
  double learning_rate = 1e-3;  ///< factor of a step
  double beta1 = 0.9;           ///< decay of the mean of gradients
  double beta2 = 0.999;         ///< decay of the mean of squared gradients
  double epsilon = 1e-8;        ///< added to the root of the latter
  double weight_decay = 0;      ///< times the weights, added to the gradient (L2)
};

/// Options of AdamW.
struct AdamWOptions {
  double learning_rate = 1e-3;  ///< factor of a step
  double beta1 = 0.9;           ///< decay of the mean of gradients
  double beta2 = 0.999;         ///< decay of the mean of squared gradients
  double epsilon = 1e-8;        ///< added to the root of the latter
  double weight_decay = 1e-2;   ///< times learning rate and weights, taken from the weights
};

namespace detail {

enum class Decay { l2, decoupled };

/// What Adam and AdamW share; they differ in where the weight decay goes.
template <class T, Decay decay>
class AdamFamily : public Optimizer<T> {
  using typename Optimizer<T>::Memory;
  using typename Optimizer<T>::Rates;

 protected:
  AdamFamily(const char* name, const std::vector<ParameterGroup<T>>& groups,
             const AdamOptions& options)
      : Optimizer<T>(name, groups, {options.learning_rate, options.weight_decay},
                     {"exp_avg", "exp_avg_sq"}),
        options_(options) {
    require_share(name, "beta1", options.beta1);
    require_share(name, "beta2", options.beta2);
    require<ValueError>(options.epsilon >= 0 && std::isfinite(options.epsilon), name,
                        ": expected an epsilon of 0 or more, got ", options.epsilon);
  }

 private:
  void update(Tensor<Accumulator<T>>& value, const Tensor<Accumulator<T>>& gradient, Memory& memory,
              const Rates& rates) override {
    take_step<Accumulator<T>>({value.mutable_data()}, gradient, memory, rates);
  }
  void update_and_round(Tensor<Accumulator<T>>& master, Tensor<T>& value, const Tensor<T>& gradient,
                        Memory& memory, const Rates& rates) override {
    take_step<T>({master.mutable_data(), value.mutable_data()}, gradient, memory, rates);
  }

  template <class U>
  void take_step(const kernels::Weights<U>& weights, const Tensor<U>& gradient, Memory& memory,
                 const Rates& rates) const {
    using A = Accumulator<T>;
    const auto t = static_cast<double>(memory.steps);
    const double first_bias = 1 - std::pow(options_.beta1, t);
    const double second_bias = 1 - std::pow(options_.beta2, t);
    const bool l2 = decay == Decay::l2;
    const kernels::AdamFactors<A> factors = {
        .keep_first = static_cast<A>(options_.beta1),
        .add_first = static_cast<A>(1 - options_.beta1),
        .keep_second = static_cast<A>(options_.beta2),
        .add_second = static_cast<A>(1 - options_.beta2),
        .step_size = static_cast<A>(rates.learning_rate / first_bias),
        .second_scale = static_cast<A>(1 / std::sqrt(second_bias)),
        .epsilon = static_cast<A>(options_.epsilon),
        .l2 = static_cast<A>(l2 ? rates.weight_decay : 0),
        .keep = static_cast<A>(l2 ? 1 : 1 - rates.learning_rate * rates.weight_decay)};
    kernels::adam_step(gradient.size(), gradient.data(), weights, memory.tensors[0].mutable_data(),
                       memory.tensors[1].mutable_data(), factors);
  }

  std::string options() const override {
    return to_message("beta1 ", number(options_.beta1), ", beta2 ", number(options_.beta2),
                      ", epsilon ", number(options_.epsilon));
  }

  AdamOptions options_;
};

}  // namespace detail

/// Adam (Kingma and Ba 2015), algorithm 1, with PyTorch's weight decay:
///   g = dw + weight_decay w,  m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
///   w = w - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
/// The constructor throws ValueError for an option outside its range.
template <class T>
class Adam : public detail::AdamFamily<T, detail::Decay::l2> {
 public:
  /// For parameters that are updated alike.
  explicit Adam(const std::vector<Variable<T>>& parameters, const AdamOptions& options = {})
      : Adam(std::vector<ParameterGroup<T>>{{.parameters = parameters}}, options) {}

  /// For groups of parameters.
  explicit Adam(const std::vector<ParameterGroup<T>>& groups, const AdamOptions& options = {})
      : detail::AdamFamily<T, detail::Decay::l2>("Adam", groups, options) {}
};

/// AdamW (Loshchilov and Hutter 2019), algorithm 2: Adam's step without the weight decay, after
///   w = w - learning_rate weight_decay w
/// The constructor throws ValueError for an option outside its range.
template <class T>
class AdamW : public detail::AdamFamily<T, detail::Decay::decoupled> {
 public:
  /// For parameters that are updated alike.
  explicit AdamW(const std::vector<Variable<T>>& parameters, const AdamWOptions& options = {})
      : AdamW(std::vector<ParameterGroup<T>>{{.parameters = parameters}}, options) {}

  /// For groups of parameters.
  explicit AdamW(const std::vector<ParameterGroup<T>>& groups, const AdamWOptions& options = {})
      : detail::AdamFamily<T, detail::Decay::decoupled>(
            "AdamW", groups,
            {options.learning_rate, options.beta1, options.beta2, options.epsilon,
             options.weight_decay}) {}
};

}  // namespace optim
CNNRNN_NAMESPACE_END
