#pragma once

#include <cmath>
#include <span>

#include "cnnrnn/kernels/loops/elementwise.hpp"

// Losses of two arrays, element by element.

CNNRNN_KERNELS_BEGIN

/// (a - b)^2
template <class T>
struct SquaredError {
  double value(T a, T b) const {
    const auto difference = static_cast<double>(a - b);
    return difference * difference;
  }
  T slope(T a, T b) const { return 2 * (a - b); }
};

/// |a - b|
template <class T>
struct AbsoluteError {
  double value(T a, T b) const { return std::abs(static_cast<double>(a - b)); }
  T slope(T a, T b) const { return a > b ? T(1) : a < b ? T(-1) : T(0); }
};

/// The negative logarithm of the probability that the logit a gives the target b of 0 to 1, with p
/// = sigmoid a: -(weight b ln p + (1 - b) ln(1 - p)) = (1 - b) a + l ln(1 + e^-a), l = 1 + (weight
/// - 1) b.
template <class T>
struct LogisticError {
  double positive_weight;

  double factor(double b) const { return 1 + (positive_weight - 1) * b; }
  double value(T logit, T target) const {
    const auto a = static_cast<double>(logit);
    const auto b = static_cast<double>(target);
    const double soft = std::log1p(std::exp(-std::abs(a))) + (a < 0 ? -a : 0);
    return (1 - b) * a + factor(b) * soft;
  }
  T slope(T logit, T target) const {
    const auto b = static_cast<double>(target);
    return static_cast<T>(1 - b - factor(b) / (1 + std::exp(static_cast<double>(logit))));
  }
};

/// The sum of error.value(a, b), and each of them if `losses` is not null.
template <class T, class Kind>
double pairwise_loss_forward(std::span<const T> a, std::span<const T> b, const Kind& error,
                             T* losses) {
  return parallel_sum<double>(static_cast<Index>(a.size()), 1 << 12, [&](Index begin, Index end) {
    double sum = 0;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const double loss = error.value(a[i], b[i]);
      sum += loss;
      if (losses != nullptr) {
        losses[i] = static_cast<T>(loss);
      }
    }
    return sum;
  });
}

/// da = error.slope(a, b) dy / divisor, with one dy for all or one for each
template <class T, class Kind>
void pairwise_loss_backward(std::span<const T> a, std::span<const T> b, const Kind& error,
                            std::span<const T> dy, T divisor, GradientSpan<T> da) {
  const bool each = dy.size() > 1;
  store_gradient(
      da, [&](std::size_t i) { return error.slope(a[i], b[i]) * dy[each ? i : 0] / divisor; });
}

CNNRNN_KERNELS_END
