#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// A shape about the origin, inside the circle of radius 1.
struct PlaneShape {
  const char* name;                      ///< of the class
  bool (*contains)(double x, double y);  ///< whether a point of the unit square is in it
};

namespace detail {

/// Inside the regular polygon of `corners` corners on the unit circle, one of them at the top;
/// `dent` from 0 (none) to 1 pulls the middles of the sides to the centre: a star.
inline bool in_polygon(double x, double y, int corners, double dent) {
  const double half = std::numbers::pi / corners;
  const double angle = std::abs(std::remainder(std::atan2(x, y), 2 * half));
  // The side from the corner (1, angle 0) to its middle at the angle `half`.
  const double middle = std::cos(half) * (1 - dent);
  const double edge_x = middle * std::cos(half) - 1;
  const double edge_y = middle * std::sin(half);
  const double radius = std::hypot(x, y);
  return edge_x * radius * std::sin(angle) - edge_y * (radius * std::cos(angle) - 1) >= 0;
}

/// Whether a point is in an even cell of width `cell` along an axis.
inline bool even_cell(double x, double cell) {
  return std::remainder(std::floor(x / cell), 2.0) == 0;
}

}  // namespace detail

/// The ten shapes that the built-in images show.
inline const std::array<PlaneShape, 10>& plane_shapes() {
  static constexpr std::array<PlaneShape, 10> shapes{{
      {"circle", [](double x, double y) { return std::hypot(x, y) < 0.85; }},
      {"ring",
       [](double x, double y) {
         const double radius = std::hypot(x, y);
         return radius > 0.5 && radius < 0.9;
       }},
      {"square", [](double x, double y) { return std::max(std::abs(x), std::abs(y)) < 0.7; }},
      {"triangle", [](double x, double y) { return detail::in_polygon(x, y, 3, 0); }},
      {"cross",
       [](double x, double y) {
         return std::min(std::abs(x), std::abs(y)) < 0.25 &&
                std::max(std::abs(x), std::abs(y)) < 0.92;
       }},
      {"star", [](double x, double y) { return detail::in_polygon(x, y, 5, 0.5); }},
      {"crescent",
       [](double x, double y) { return std::hypot(x, y) < 0.9 && std::hypot(x - 0.42, y) > 0.72; }},
      {"stripes",
       [](double x, double y) { return std::hypot(x, y) < 0.95 && detail::even_cell(x, 0.27); }},
      {"checkerboard",
       [](double x, double y) {
         return std::max(std::abs(x), std::abs(y)) < 0.72 &&
                detail::even_cell(x, 0.36) == detail::even_cell(y, 0.36);
       }},
      {"dots",
       [](double x, double y) {
         return std::max(std::abs(x), std::abs(y)) < 0.8 &&
                std::hypot(std::remainder(x, 0.55), std::remainder(y, 0.55)) < 0.18;
       }},
  }};
  return shapes;
}

}  // namespace data
CNNRNN_NAMESPACE_END
