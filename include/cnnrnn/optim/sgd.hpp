#pragma once

#include <string>
#include <vector>

#include "cnnrnn/kernels/optimizer.hpp"
#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Options of Sgd.
struct SgdOptions {
  double learning_rate = 1e-2;  ///< factor of a step
  double momentum = 0;          ///< decay of the sum of gradients; 0: none is kept
  double weight_decay = 0;      ///< times the weights, added to the gradient (L2)
  bool nesterov = false;        ///< look ahead by the momentum
};

/// Stochastic gradient descent with momentum as PyTorch has it (Sutskever et al. 2013, with the
/// learning rate outside the velocity):
///   g = dw + weight_decay w,  b = momentum b + g,
///   w = w - learning_rate b, with Nesterov w = w - learning_rate (g + momentum b)
/// The constructor throws ValueError for an option outside its range.
template <class T>
class Sgd : public Optimizer<T> {
  using typename Optimizer<T>::Memory;
  using typename Optimizer<T>::Rates;

 public:
  /// For parameters that are updated alike.
  explicit Sgd(const std::vector<Variable<T>>& parameters, const SgdOptions& options = {})
      : Sgd(std::vector<ParameterGroup<T>>{{.parameters = parameters}}, options) {}

  /// For groups of parameters.
  explicit Sgd(const std::vector<ParameterGroup<T>>& groups, const SgdOptions& options = {})
      : Optimizer<T>("Sgd", groups, {options.learning_rate, options.weight_decay},
                     slot_names(options.momentum)),
        options_(options) {
    require<ValueError>(!options.nesterov || options.momentum > 0,
                        "Sgd: expected a positive momentum with nesterov, got ", options.momentum);
  }

 private:
  static std::vector<std::string> slot_names(double momentum) {
    detail::require_share("Sgd", "a momentum", momentum);
    return momentum > 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{};
  }

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
    A* const momentum = memory.tensors.empty() ? nullptr : memory.tensors[0].mutable_data();
    kernels::sgd_step<U>(gradient.size(), gradient.data(), weights, momentum,
                         {.learning_rate = static_cast<A>(rates.learning_rate),
                          .momentum = static_cast<A>(options_.momentum),
                          .l2 = static_cast<A>(rates.weight_decay),
                          .nesterov = options_.nesterov});
  }

  std::string options() const override {
    return to_message("momentum ", detail::number(options_.momentum),
                      options_.nesterov ? ", nesterov" : "");
  }

  SgdOptions options_;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
