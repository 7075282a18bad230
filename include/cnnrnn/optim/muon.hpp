#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/kernels/gemm.hpp"
#include "cnnrnn/kernels/optimizer.hpp"
#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// What multiplies Muon's learning rate for a matrix (A, B): PyTorch's adjust_lr_fn.
enum class MuonScaling {
  original,            ///< sqrt(max(1, A / B)) (Jordan 2024)
  match_rms_adamw,     ///< 0.2 sqrt(max(A, B)): the rates of AdamW fit (Liu et al. 2025)
  spectral_unclamped,  ///< sqrt(A / B) (Bernstein 2025)
  none                 ///< 1
};

/// Options of Muon.
struct MuonOptions {
  double learning_rate = 1e-3;  ///< factor of a step
  double momentum = 0.95;       ///< decay of the sum of gradients
  bool nesterov = true;         ///< look ahead by the momentum
  double weight_decay = 0.1;    ///< times learning rate and weights, taken from the weights
  Index steps = 5;              ///< of the Newton-Schulz iteration
  std::array<double, 3> coefficients{3.4445, -4.7750, 2.0315};  ///< of its polynomial
  double epsilon = 1e-7;                        ///< the least norm that a direction is divided by
  MuonScaling scaling = MuonScaling::original;  ///< of a step, by the shape of the matrix
};

/// Muon (Jordan et al. 2024), gradient descent along directions that are made orthogonal, with
/// PyTorch's defaults. A weight (O, ...) is a matrix of O rows, as that of a convolution:
///   m = momentum m + (1 - momentum) dw,  d = dw + momentum (m - dw) with Nesterov, else m,
///   w = w - learning_rate weight_decay w - learning_rate scale NewtonSchulz(d)
/// PyTorch iterates in bfloat16, this in T. Biases and the scales of norms are no matrices: see
/// Combined. The constructor throws ValueError for a parameter below rank 2 or an option outside
/// its range.
template <class T>
class Muon : public Optimizer<T> {
  using typename Optimizer<T>::Memory;
  using typename Optimizer<T>::Rates;

 public:
  /// For parameters that are updated alike.
  explicit Muon(const std::vector<Variable<T>>& parameters, const MuonOptions& options = {})
      : Muon(std::vector<ParameterGroup<T>>{{.parameters = parameters}}, options) {}

  /// For groups of parameters.
  explicit Muon(const std::vector<ParameterGroup<T>>& groups, const MuonOptions& options = {})
      : Optimizer<T>("Muon", groups, {options.learning_rate, options.weight_decay},
                     {"momentum_buffer"}),
        options_(options) {
    detail::require_share("Muon", "a momentum", options.momentum);
    constexpr Index too_many = 100;  // PyTorch's limit
    require<ValueError>(options.steps >= 0 && options.steps < too_many,
                        "Muon: expected 0 to 99 steps, got ", options.steps);
    require<ValueError>(options.epsilon > 0 && std::isfinite(options.epsilon),
                        "Muon: expected a positive epsilon, got ", options.epsilon);
    for (const auto& group : groups) {
      for (const auto& parameter : group.parameters) {
        require<ValueError>(parameter.rank() >= 2 && parameter.value().size() > 0,
                            "Muon: expected weights (O, ...) of rank 2 or more, got one of shape ",
                            parameter.shape());
      }
    }
  }

 private:
  void update(Tensor<Accumulator<T>>& value, const Tensor<Accumulator<T>>& gradient, Memory& memory,
              const Rates& rates) override {
    using A = Accumulator<T>;
    const Index rows = value.dim(0);
    const Index columns = value.size() / rows;
    const auto& [a, b, c] = options_.coefficients;
    Tensor<A> direction(value.shape());
    A* const d = direction.mutable_data();
    kernels::muon_direction(value.size(), gradient.data(), memory.tensors[0].mutable_data(), d,
                            static_cast<A>(options_.momentum), options_.nesterov);
    kernels::newton_schulz<A>({a, b, c, options_.steps, options_.epsilon}, rows, columns, d);
    const double rate = rates.learning_rate;
    kernels::muon_step<A>(value.size(), d, value.mutable_data(),
                          static_cast<A>(1 - rate * rates.weight_decay),
                          static_cast<A>(rate * scale(rows, columns)));
  }

  double scale(Index rows, Index columns) const {
    const auto a = static_cast<double>(rows);
    const auto b = static_cast<double>(columns);
    constexpr double rms_of_adamw = 0.2;
    switch (options_.scaling) {
      case MuonScaling::original:
        return std::sqrt(std::max(1.0, a / b));
      case MuonScaling::match_rms_adamw:
        return rms_of_adamw * std::sqrt(std::max(a, b));
      case MuonScaling::spectral_unclamped:
        return std::sqrt(a / b);
      case MuonScaling::none:
        break;
    }
    return 1;
  }

  std::string options() const override {
    constexpr std::array names{"original", "match_rms_adamw", "spectral_unclamped", "none"};
    using detail::number;
    const auto& [a, b, c] = options_.coefficients;
    return to_message("momentum ", number(options_.momentum), options_.nesterov ? ", nesterov" : "",
                      ", ", options_.steps, " steps, coefficients ", number(a), ' ', number(b), ' ',
                      number(c), ", epsilon ", number(options_.epsilon), ", scaling ",
                      names[static_cast<std::size_t>(options_.scaling)]);
  }

  MuonOptions options_;
};

}  // namespace optim
CNNRNN_NAMESPACE_END
