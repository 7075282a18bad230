#pragma once

#include <array>
#include <cmath>
#include <span>

#include "inspect/picture.hpp"

namespace inspect {

/// Colours at equal distances, between which others are mixed: for 0 to 1, NaN is 0.
template <std::size_t Count>
Colour mixed(const std::array<Colour, Count>& stops, double share) {
  const double place = (share > 0 ? std::min(share, 1.0) : 0.0) * static_cast<double>(Count - 1);
  const auto below = std::min(static_cast<std::size_t>(place), Count - 2);
  const double rest = place - static_cast<double>(below);
  const auto mix = [rest](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + rest * (b - a)));
  };
  const Colour a = stops[below];
  const Colour b = stops[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

/// Blue below zero, white at it, red above: for -1 to 1.
inline Colour signed_colour(double value) {
  constexpr std::array<Colour, 5> stops{
      {{5, 72, 145}, {106, 165, 210}, {247, 247, 247}, {232, 130, 100}, {158, 8, 36}}};
  return mixed(stops, 0.5 + 0.5 * value);
}

/// From dark violet to yellow, of even steps to the eye: for 0 to 1.
inline Colour strength_colour(double value) {
  constexpr std::array<Colour, 6> stops{
      {{13, 8, 42}, {78, 18, 123}, {150, 40, 118}, {222, 73, 80}, {252, 155, 70}, {252, 249, 186}}};
  return mixed(stops, value);
}

/// The largest magnitude; 1 when all are zero, so that it can be divided by.
template <class T>
double largest_magnitude(std::span<const T> values) {
  double largest = 0;
  for (const T value : values) {
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  return largest > 0 ? largest : 1;
}

/// A picture of (height, width) numbers: value(row, column) as `colour` shows it.
template <class Value>
Picture heat_map(Index height, Index width, Colour (*colour)(double), const Value& value) {
  Picture picture(height, width);
  for (Index row = 0; row < height; ++row) {
    for (Index column = 0; column < width; ++column) {
      picture.paint(row, column, colour(static_cast<double>(value(row, column))));
    }
  }
  return picture;
}

}  // namespace inspect
