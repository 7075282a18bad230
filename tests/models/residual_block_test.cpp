#include <algorithm>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "models/resnet20.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// A block whose last batch norm gives 0: what comes out is relu of the shortcut.
ResidualBlock<double> shortcut_only(Index in, Index out, Index stride) {
  Random random(1);
  ResidualBlock<double> block(in, out, stride, random);
  for (auto& [path, parameter] : block.named_parameters()) {
    if (path == "b2.weight") {
      std::ranges::fill(parameter.mutable_value().mutable_span(), 0.0);
    }
  }
  return block;
}

}  // namespace

TEST_CASE("the shortcut keeps a shape that does not change") {
  const auto x = random_tensor<double>({2, 3, 5, 4}, 1);
  auto block = shortcut_only(4, 4, 1);
  require_close(block(Variable<double>(x)).value(), relu(Variable<double>(x)).value(), 0);
}

TEST_CASE("the shortcut takes every second pixel and adds channels of zeros") {
  const auto x = random_tensor<double>({2, 5, 6, 3}, 1);
  auto block = shortcut_only(3, 7, 2);
  const auto y = block(Variable<double>(x)).value();
  REQUIRE(y.shape() == Shape{2, 3, 3, 7});
  for (Index n = 0; n < 2; ++n) {
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 3; ++j) {
        for (Index c = 0; c < 7; ++c) {
          CHECK(y(n, i, j, c) == (c < 3 ? std::max(0.0, x(n, 2 * i, 2 * j, c)) : 0.0));
        }
      }
    }
  }
}

TEST_CASE("a residual block has the gradients of its values") {
  for (const Index stride : {1, 2}) {
    CAPTURE(stride);
    Random random(3);
    ResidualBlock<double> block(2, stride == 1 ? 2 : 4, stride, random);
    const auto result = gradcheck([&](const auto& v) { return std::vector{block(v[0])}; },
                                  {random_tensor<double>({2, 4, 3, 2}, 5)});
    INFO(result.log);
    CHECK(result);
  }
}
