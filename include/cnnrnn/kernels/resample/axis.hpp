#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <numeric>
#include <span>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/kernels/resample/pad_mode.hpp"

CNNRNN_KERNELS_BEGIN

/// An element of the source and what it counts.
template <class T>
struct ResampleTerm {
  Index from;
  T weight;
};

/// One axis of a resampling, a sparse matrix: element i of the result is the sum of its terms.
template <class T>
class ResampleAxis {
 public:
  /// A matrix of `size` columns, and no rows yet.
  explicit ResampleAxis(Index size) : size_(size) {}

  /// One more element of the result. Terms without weight are left out.
  void append(std::initializer_list<ResampleTerm<T>> terms) {
    std::ranges::copy_if(terms, std::back_inserter(terms_),
                         [](const ResampleTerm<T>& term) { return term.weight != T(0); });
    ends_.push_back(terms_.size());
  }

  Index size() const { return size_; }
  Index outputs() const { return std::ssize(ends_); }

  std::span<const ResampleTerm<T>> operator[](Index output) const {
    const auto i = static_cast<std::size_t>(output);
    const std::size_t begin = i > 0 ? ends_[i - 1] : 0;
    return std::span(terms_).subspan(begin, ends_[i] - begin);
  }

  /// The matrix of the gradient. Terms stand in the order of the outputs they belonged to.
  ResampleAxis transposed() const {
    ResampleAxis result(outputs());
    result.ends_.assign(static_cast<std::size_t>(size_), 0);
    for (const ResampleTerm<T>& term : terms_) {
      ++result.ends_[static_cast<std::size_t>(term.from)];
    }
    std::exclusive_scan(result.ends_.begin(), result.ends_.end(), result.ends_.begin(),
                        std::size_t{0});
    result.terms_.resize(terms_.size());
    for (Index output = 0; output < outputs(); ++output) {
      for (const auto& [from, weight] : (*this)[output]) {
        result.terms_[result.ends_[static_cast<std::size_t>(from)]++] = {output, weight};
      }
    }
    return result;
  }

 private:
  Index size_;
  std::vector<ResampleTerm<T>> terms_;
  std::vector<std::size_t> ends_;  // of the terms of each output
};

/// Element floor(i `scale`) of the source for element i; the same for an axis that keeps its
/// length, and each twice for one that doubles it, whatever the scale. Computed in float for any T.
/// All this is as in PyTorch, so that both choose the same.
template <class T>
ResampleAxis<T> nearest_axis(Index size, Index outputs, double scale) {
  const bool is_whole = outputs == size || outputs == 2 * size;
  const auto step = static_cast<float>(scale);
  ResampleAxis<T> axis(size);
  for (Index i = 0; i < outputs; ++i) {
    const auto scaled = static_cast<Index>(std::floor(static_cast<float>(i) * step));
    axis.append({{is_whole ? i * size / outputs : std::min(scaled, size - 1), T(1)}});
  }
  return axis;
}

/// Linear interpolation between the two elements beside `scale` (i + 1 / 2) - 1 / 2, or beside
/// `scale` i if the corners are aligned; the first and the last one go on for ever.
template <class T>
ResampleAxis<T> linear_axis(Index size, Index outputs, double scale, bool align_corners) {
  ResampleAxis<T> axis(size);
  for (Index i = 0; i < outputs; ++i) {
    const auto output = static_cast<double>(i);
    const double place = align_corners ? scale * output : scale * (output + 0.5) - 0.5;
    const double inside = std::clamp(place, 0.0, static_cast<double>(size - 1));
    const auto first = static_cast<Index>(inside);
    const double second_weight = inside - static_cast<double>(first);
    axis.append({{first, static_cast<T>(1 - second_weight)},
                 {std::min(first + 1, size - 1), static_cast<T>(second_weight)}});
  }
  return axis;
}

/// `before` and `after` elements of a border around the source.
template <class T>
ResampleAxis<T> padded_axis(Index size, Index before, Index after, PadMode mode) {
  ResampleAxis<T> axis(size);
  for (Index i = -before; i < size + after; ++i) {
    const bool is_inside = i >= 0 && i < size;
    if (mode == PadMode::zeros && !is_inside) {
      axis.append({});
    } else {
      const Index nearest = is_inside || i < 0 ? std::max<Index>(0, i) : size - 1;
      axis.append({{mode == PadMode::reflect ? 2 * nearest - i : nearest, T(1)}});
    }
  }
  return axis;
}

CNNRNN_KERNELS_END
