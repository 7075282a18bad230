#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

// Initialisers. They overwrite a tensor; float and double take the same numbers from the generator.

CNNRNN_NAMESPACE_BEGIN
namespace nn::init {

/// Every element = value.
template <class T>
void constant(Tensor<T>& weight, double value) {
  std::fill_n(weight.mutable_data(), weight.size(), static_cast<T>(value));
}

/// Every element = 0.
template <class T>
void zeros(Tensor<T>& weight) {
  constant(weight, 0);
}

/// Every element = 1.
template <class T>
void ones(Tensor<T>& weight) {
  constant(weight, 1);
}

/// Normal with the given mean and standard deviation. Throws ValueError for a negative deviation.
template <class T>
void normal(Tensor<T>& weight, Random& random, double mean, double deviation) {
  require<ValueError>(deviation >= 0, "normal: expected a deviation of 0 or more, got ", deviation);
  for (T& value : weight.mutable_span()) {
    value = static_cast<T>(random.normal(mean, deviation));
  }
}

/// Uniform from low to high. Throws ValueError when low is above high.
template <class T>
void uniform(Tensor<T>& weight, Random& random, double low, double high) {
  require<ValueError>(low <= high, "uniform: expected bounds in order, got ", low, " and ", high);
  for (T& value : weight.mutable_span()) {
    value = static_cast<T>(random.uniform(low, high));
  }
}

/// Options of trunc_normal.
struct TruncatedNormalOptions {
  double mean = 0;       ///< of the normal distribution
  double deviation = 1;  ///< standard, of the normal distribution
  double low = -2;       ///< the least value
  double high = 2;       ///< the greatest value
};

/// Normal with the given mean and deviation, but only values from low to high. Throws ValueError
/// unless the bounds are in order, the deviation is positive, and the mean is at most two
/// deviations outside of the bounds.
template <class T>
void trunc_normal(Tensor<T>& weight, Random& random, const TruncatedNormalOptions& options = {}) {
  const auto& [mean, deviation, low, high] = options;
  require<ValueError>(low < high, "trunc_normal: expected bounds in order, got ", low, " and ",
                      high);
  require<ValueError>(deviation > 0 && low - 2 * deviation <= mean && mean <= high + 2 * deviation,
                      "trunc_normal: expected a mean within two deviations of ", low, " to ", high,
                      ", got a mean of ", mean, " and a deviation of ", deviation);
  // Of two ways to draw and refuse, the one that seldom refuses: narrow bounds hold little of the
  // normal distribution, but there it is nearly uniform.
  const bool narrow = high - low < 2.5 * deviation;
  const auto distance = [&options](double value) {
    return (value - options.mean) / options.deviation;
  };
  const double nearest = distance(std::clamp(mean, low, high));
  for (T& target : weight.mutable_span()) {
    double value = low;
    bool accepted = false;
    while (!accepted) {
      value = narrow ? random.uniform(low, high) : random.normal(mean, deviation);
      const double z = distance(value);
      accepted = narrow ? random.uniform() < std::exp((nearest * nearest - z * z) / 2)
                        : low <= value && value <= high;
    }
    target = static_cast<T>(value);
  }
}

/// The activation behind a weight, for gain().
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu };

/// The factor by which an activation shrinks deviations; `slope` is leaky ReLU's.
inline double gain(Nonlinearity nonlinearity, double slope = 0.01) {
  switch (nonlinearity) {
    case Nonlinearity::tanh:
      return 5.0 / 3.0;
    case Nonlinearity::relu:
      return std::numbers::sqrt2;
    case Nonlinearity::leaky_relu:
      return std::sqrt(2 / (1 + slope * slope));
    default:
      return 1;
  }
}

/// Which of a weight's two fans counts.
enum class Fan { in, out };

/// How many values an output of the weight (O, I, ...) is made of, and how many an input goes into.
struct Fans {
  double in;   ///< values that an output is made of
  double out;  ///< outputs that an input goes into

  /// The fans of a weight. Throws ShapeError below rank 2.
  explicit Fans(const Shape& weight) : in(1), out(1) {
    require<ShapeError>(weight.rank() >= 2 && weight.size() > 0,
                        "initialiser: expected a weight (O, I, ...), got ", weight);
    const auto size = static_cast<double>(weight.size());
    in = size / static_cast<double>(weight[0]);
    out = size / static_cast<double>(weight[1]);
  }
};

/// Options of kaiming_normal and kaiming_uniform.
struct KaimingOptions {
  Fan fan = Fan::in;                  ///< in keeps the size of activations, out that of gradients
  double gain = std::numbers::sqrt2;  ///< of the activation; by default that of ReLU

  /// The deviation gain / sqrt(fan) of a weight.
  double deviation(const Shape& weight) const {
    const Fans fans(weight);
    return gain / std::sqrt(fan == Fan::in ? fans.in : fans.out);
  }
};

/// Normal with deviation gain / sqrt(fan) (He et al. 2015). Throws ShapeError below rank 2.
template <class T>
void kaiming_normal(Tensor<T>& weight, Random& random, const KaimingOptions& options = {}) {
  normal(weight, random, 0, options.deviation(weight.shape()));
}

/// Uniform with the same deviation.
template <class T>
void kaiming_uniform(Tensor<T>& weight, Random& random, const KaimingOptions& options = {}) {
  const double bound = std::numbers::sqrt3 * options.deviation(weight.shape());
  uniform(weight, random, -bound, bound);
}

/// Normal with deviation gain sqrt(2 / (fan in + fan out)) (Glorot and Bengio 2010). Throws
/// ShapeError below rank 2.
template <class T>
void xavier_normal(Tensor<T>& weight, Random& random, double gain = 1) {
  const Fans fans(weight.shape());
  normal(weight, random, 0, gain * std::sqrt(2 / (fans.in + fans.out)));
}

/// Uniform with the same deviation.
template <class T>
void xavier_uniform(Tensor<T>& weight, Random& random, double gain = 1) {
  const Fans fans(weight.shape());
  const double bound = gain * std::sqrt(6 / (fans.in + fans.out));
  uniform(weight, random, -bound, bound);
}

/// The matrix (rows, columns) with ones on its diagonal, times gain. Throws ShapeError unless of
/// rank 2.
template <class T>
void identity(Tensor<T>& weight, double gain = 1) {
  require<ShapeError>(weight.rank() == 2, "identity: expected a matrix, got ", weight.shape());
  zeros(weight);
  T* const to = weight.mutable_data();
  for (Index i = 0; i < std::min(weight.dim(0), weight.dim(1)); ++i) {
    to[i * weight.dim(1) + i] = static_cast<T>(gain);
  }
}

/// The convolution (O, C, K...), K... of one, two or three axes, that passes its input on: output
/// o of a group is channel o, as far as there are so many. Throws ShapeError, also unless the
/// groups divide O.
template <class T>
void dirac(Tensor<T>& weight, Index groups = 1) {
  require<ShapeError>(weight.rank() >= 3 && weight.rank() <= 5 && weight.size() > 0 && groups > 0 &&
                          weight.dim(0) % groups == 0,
                      "dirac: expected the weight (O, C, K...) of a convolution of ", groups,
                      " groups, got ", weight.shape());
  zeros(weight);
  const Index outputs = weight.dim(0) / groups;
  const Index channels = weight.dim(1);
  Index centre = 0;
  for (Index axis = 2; axis < weight.rank(); ++axis) {
    centre = centre * weight.dim(axis) + weight.dim(axis) / 2;
  }
  const Index taps = weight.size() / (weight.dim(0) * channels);
  T* const to = weight.mutable_data();
  for (Index group = 0; group < groups; ++group) {
    for (Index i = 0; i < std::min(outputs, channels); ++i) {
      to[((group * outputs + i) * channels + i) * taps + centre] = T(1);
    }
  }
}

namespace detail {

using Vector = std::vector<double>;

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

/// Takes from `vector` its parts along the basis, and gives it length 1.
inline void orthonormalise(Vector& vector, const std::vector<Vector>& basis) {
  for (int pass = 0; pass < 2; ++pass) {  // the second removes what rounding left: twice is enough
    for (const Vector& direction : basis) {
      const double part = dot(vector, direction);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] -= part * direction[i];
      }
    }
  }
  const double length = std::sqrt(dot(vector, vector));
  std::transform(vector.begin(), vector.end(), vector.begin(),
                 [&](double value) { return value / length; });
}

}  // namespace detail

/// A random orthogonal matrix times gain (Saxe et al. 2013), by Gram and Schmidt from normal
/// vectors: weight (O, ...) seen as a matrix of O rows has orthonormal rows, or columns when it has
/// fewer of them. Throws ShapeError below rank 2.
template <class T>
void orthogonal(Tensor<T>& weight, Random& random, double gain = 1) {
  const Fans fans(weight.shape());
  const Index rows = weight.dim(0);
  const auto columns = static_cast<Index>(fans.in);
  const Index length = std::max(rows, columns);
  T* const to = weight.mutable_data();
  std::vector<detail::Vector> basis;
  for (Index k = 0; k < std::min(rows, columns); ++k) {
    detail::Vector vector(static_cast<std::size_t>(length));
    std::generate(vector.begin(), vector.end(), [&] { return random.normal(); });
    detail::orthonormalise(vector, basis);
    for (Index i = 0; i < length; ++i) {
      to[rows <= columns ? k * columns + i : i * columns + k] =
          static_cast<T>(gain * vector[static_cast<std::size_t>(i)]);
    }
    basis.push_back(std::move(vector));
  }
}

}  // namespace nn::init
CNNRNN_NAMESPACE_END
