#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

#include "cnnrnn/core/shape.hpp"

namespace inspect {

using cnnrnn::Index;

/// (height, width) numbers, row by row.
template <class T>
struct Grid {
  Index height, width;
  std::vector<T> values;

  Grid(Index h, Index w) : height(h), width(w), values(static_cast<std::size_t>(h * w)) {}

  T& operator()(Index row, Index column) {
    return values[static_cast<std::size_t>(row * width + column)];
  }
  const T& operator()(Index row, Index column) const {
    return values[static_cast<std::size_t>(row * width + column)];
  }
};

using Complex = std::complex<double>;

/// e^(-2 pi i k / size) for all k.
inline std::vector<Complex> roots_of_unity(Index size) {
  std::vector<Complex> roots;
  for (Index k = 0; k < size; ++k) {
    roots.push_back(std::polar(
        1.0, -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size)));
  }
  return roots;
}

/// The two-dimensional discrete Fourier transform of x, followed by zeros up to size x size:
/// F(u, v) = sum x(r, c) e^(-2 pi i (u r + v c) / size).
inline Grid<Complex> fourier_transform(const Grid<double>& x, Index size) {
  const auto roots = roots_of_unity(size);
  const auto root = [&](Index k) { return roots[static_cast<std::size_t>(k % size)]; };
  Grid<Complex> rows(x.height, size);
  for (Index r = 0; r < x.height; ++r) {
    for (Index v = 0; v < size; ++v) {
      for (Index c = 0; c < x.width; ++c) {
        rows(r, v) += x(r, c) * root(v * c);
      }
    }
  }
  Grid<Complex> result(size, size);
  for (Index u = 0; u < size; ++u) {
    for (Index r = 0; r < x.height; ++r) {
      for (Index v = 0; v < size; ++v) {
        result(u, v) += rows(r, v) * root(u * r);
      }
    }
  }
  return result;
}

/// |F(u, v)| with the zero frequency in the middle, at (size / 2, size / 2).
inline Grid<double> frequency_response(const Grid<double>& filter, Index size) {
  const auto spectrum = fourier_transform(filter, size);
  Grid<double> result(size, size);
  for (Index u = 0; u < size; ++u) {
    for (Index v = 0; v < size; ++v) {
      result((u + size / 2) % size, (v + size / 2) % size) = std::abs(spectrum(u, v));
    }
  }
  return result;
}

/// The circular convolution of x (size, size) with a filter, by its definition: y(r, c) = the sum
/// of filter(i, j) x(r - i, c - j), positions taken modulo the size.
inline Grid<double> circular_convolution(const Grid<double>& x, const Grid<double>& filter) {
  Grid<double> y(x.height, x.width);
  for (Index r = 0; r < x.height; ++r) {
    for (Index c = 0; c < x.width; ++c) {
      for (Index i = 0; i < filter.height; ++i) {
        for (Index j = 0; j < filter.width; ++j) {
          y(r, c) += filter(i, j) * x((r - i + x.height) % x.height, (c - j + x.width) % x.width);
        }
      }
    }
  }
  return y;
}

/// The share of the energy at frequencies below half the highest, in both directions, of a centred
/// response (size, size): a quarter for white noise.
inline double low_frequency_share(const Grid<double>& response) {
  const Index size = response.width;
  double low = 0;
  double all = 0;
  for (Index u = 0; u < size; ++u) {
    for (Index v = 0; v < size; ++v) {
      const double energy = response(u, v) * response(u, v);
      const bool inside = u >= size / 4 && u < size * 3 / 4 && v >= size / 4 && v < size * 3 / 4;
      all += energy;
      low += inside ? energy : 0;
    }
  }
  return all > 0 ? low / all : 0;
}

}  // namespace inspect
