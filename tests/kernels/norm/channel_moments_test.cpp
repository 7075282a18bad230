#include "cnnrnn/kernels/norm.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Moments {
  Tensor<double> mean, variance;
};

/// By the definition.
Moments moments_of(const Tensor<double>& x) {
  const Shape channels{x.dim(1)};
  Moments result{Tensor<double>::zeros(channels), Tensor<double>::zeros(channels)};
  const auto rows = static_cast<double>(x.dim(0));
  for (Index c = 0; c < x.dim(1); ++c) {
    double& mean = result.mean.mutable_at(c);
    for (Index row = 0; row < x.dim(0); ++row) {
      mean += x(row, c) / rows;
    }
    for (Index row = 0; row < x.dim(0); ++row) {
      const double difference = x(row, c) - mean;
      result.variance.mutable_at(c) += difference * difference / rows;
    }
  }
  return result;
}

/// From blocks of `block` rows, the last one shorter, with a block left out after each.
Moments combined(const Tensor<double>& x, Index block) {
  const Index channels = x.dim(1);
  const Index blocks = (x.dim(0) + block - 1) / block;
  kernels::ChannelMoments<double> moments(2 * blocks, channels);
  for (Index i = blocks; i-- > 0;) {
    moments.set(2 * i, std::min(block, x.dim(0) - i * block), x.data() + i * block * channels);
  }
  Moments result{Tensor<double>({channels}), Tensor<double>({channels})};
  moments.combine(result.mean.mutable_data(), result.variance.mutable_data());
  return result;
}

}  // namespace

TEST_CASE("the moments of blocks combine to those of all rows") {
  for (const auto& [rows, channels, block] : std::vector<std::array<Index, 3>>{{1, 1, 1},
                                                                               {7, 3, 2},
                                                                               {128, 16, 128},
                                                                               {130, 32, 128},
                                                                               {1000, 5, 37},
                                                                               {257, 64, 100},
                                                                               {50, 131, 7},
                                                                               {33, 256, 16}}) {
    CAPTURE(rows, channels, block);
    auto x = random_tensor<double>({rows, channels}, 1);
    for (double& value : x.mutable_span()) {
      value += 5;
    }
    const auto expected = moments_of(x);
    const auto got = combined(x, block);
    require_close(got.mean, expected.mean, 1e-14);
    require_close(got.variance, expected.variance, 1e-13);
  }
}
