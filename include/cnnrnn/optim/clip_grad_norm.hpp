#pragma once

#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loops.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Options of clip_grad_norm.
struct ClipOptions {
  bool allow_nonfinite = false;  ///< return a norm that is not finite, and leave the gradients
};

namespace detail {

/// Where the gradients of the parameters are: of those that have one, each once.
template <class T>
std::vector<Edge<T>> edges_with_gradient(const std::vector<Variable<T>>& parameters) {
  std::vector<Edge<T>> edges;
  std::set<const Record<T>*> seen;
  for (const auto& parameter : parameters) {
    const Edge<T>& edge = parameter.edge();
    if (parameter.grad().defined() && seen.insert(edge.record.get()).second) {
      edges.push_back(edge);
    }
  }
  return edges;
}

}  // namespace detail

/// Scales all gradients together so that their norm is at most `max_norm`, and returns the norm
/// that they had: |g| = sqrt(sum of all squares), g = g min(1, max_norm / (|g| + 1e-6)). Parameters
/// without a gradient are passed over, and one that is given twice counts once. The sum is in
/// double and the same for any number of threads. Throws ValueError unless max_norm is positive,
/// NumericError when the norm is not finite.
template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm,
                      const ClipOptions& options = {}) {
  require<ValueError>(max_norm > 0, "clip_grad_norm: expected a positive norm, got ", max_norm);
  constexpr Index block = 1 << 14;
  const auto edges = detail::edges_with_gradient(parameters);
  double squares = 0;
  for (const auto& edge : edges) {
    const Tensor<T>& gradient = edge.gradient();
    squares += parallel_sum<double>(gradient.size(), block, [&](Index begin, Index end) {
      std::array<double, 8> sums{};  // apart, so that no addition waits for the one before
      for (Index i = begin; i < end; ++i) {
        const auto g = static_cast<double>(gradient.data()[i]);
        sums[static_cast<std::size_t>(i % 8)] += g * g;
      }
      return std::accumulate(sums.begin(), sums.end(), 0.0);
    });
  }
  const double norm = std::sqrt(squares);
  require<NumericError>(options.allow_nonfinite || std::isfinite(norm),
                        "clip_grad_norm: expected a finite gradient, got one of norm ", norm);
  constexpr double margin = 1e-6;  // PyTorch's
  const double scale = max_norm / (norm + margin);
  if (!std::isfinite(norm) || scale >= 1) {
    return norm;
  }
  for (const auto& edge : edges) {
    const auto gradient = edge.writable();
    kernels::for_each_element(gradient.values.size(), [=, to = gradient.data()](std::size_t i) {
      to[i] = static_cast<T>(to[i] * static_cast<Accumulator<T>>(scale));
    });
  }
  return norm;
}

}  // namespace optim
CNNRNN_NAMESPACE_END
