#pragma once

#include <algorithm>
#include <cmath>

#include "cnnrnn/core/tensor.hpp"
#include "support/catch.hpp"

/// Requires equal shapes and |actual - expected| <= tolerance * max(1, largest |expected|), element
/// by element; says which element is worst.
template <class T>
void require_close(const cnnrnn::Tensor<T>& actual, const cnnrnn::Tensor<T>& expected,
                   double tolerance) {
  INFO("shapes: expected " << expected.shape() << ", got " << actual.shape());
  REQUIRE(actual.defined() == expected.defined());
  REQUIRE(actual.shape() == expected.shape());
  double scale = 1;
  double worst = 0;
  cnnrnn::Index where = 0;
  for (cnnrnn::Index i = 0; i < expected.size(); ++i) {
    const auto value = static_cast<double>(expected.data()[i]);
    const double error = std::abs(static_cast<double>(actual.data()[i]) - value);
    scale = std::max(scale, std::abs(value));
    if (!(error <= worst)) {  // a NaN is the worst
      worst = error;
      where = i;
    }
  }
  if (expected.size() > 0) {
    INFO("worst element " << where << ": expected " << expected.data()[where] << ", got "
                          << actual.data()[where]);
    REQUIRE(worst <= tolerance * scale);
  }
}
