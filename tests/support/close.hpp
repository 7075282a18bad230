#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "cnnrnn/core/tensor.hpp"
#include "support/catch.hpp"

/// What is wrong if not the shapes are equal and |actual - expected| <= tolerance * max(1, largest
/// |expected|), element by element: says which element is worst. Empty if nothing is.
template <class T>
std::string difference(const cnnrnn::Tensor<T>& actual, const cnnrnn::Tensor<T>& expected,
                       double tolerance) {
  if (actual.defined() != expected.defined() || actual.shape() != expected.shape()) {
    return cnnrnn::to_message("expected shape ", expected.shape(), ", got ",
                              actual.defined() ? "" : "undefined ", actual.shape());
  }
  double scale = 1;
  double worst = 0;
  cnnrnn::Index where = 0;
  for (cnnrnn::Index i = 0; i < expected.size(); ++i) {
    const auto value = static_cast<double>(expected.data()[i]);
    const double error = std::abs(static_cast<double>(actual.data()[i]) - value);
    scale = std::max(scale, std::abs(value));
    if (error > worst || (std::isnan(error) && !std::isnan(worst))) {  // a NaN is the worst
      worst = error;
      where = i;
    }
  }
  return worst <= tolerance * scale
             ? ""
             : cnnrnn::to_message("worst element ", where, ": expected ", expected.data()[where],
                                  ", got ", actual.data()[where]);
}

/// Requires that there is no difference.
template <class T>
void require_close(const cnnrnn::Tensor<T>& actual, const cnnrnn::Tensor<T>& expected,
                   double tolerance) {
  const std::string found = difference(actual, expected, tolerance);
  INFO(found);
  REQUIRE(found.empty());
}
