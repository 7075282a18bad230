#include "cnnrnn/ops/patch_sequences.hpp"

#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// The same, element by element.
template <class T>
Tensor<T> reference(const Tensor<T>& x, Index p) {
  const Index m = x.dim(1) / p;
  const Index k = x.dim(2) / p;
  const Index channels = x.dim(3);
  Tensor<T> y({x.dim(0) * m, k, channels * p * p});
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index row = 0; row < x.dim(1); ++row) {
      for (Index column = 0; column < x.dim(2); ++column) {
        for (Index c = 0; c < channels; ++c) {
          y.mutable_at(n * m + row / p, column / p, (c * p + row % p) * p + column % p) =
              x(n, row, column, c);
        }
      }
    }
  }
  return y;
}

template <class T>
void compare_reference() {
  for (const auto& [shape, patch] : std::vector<std::pair<Shape, Index>>{
           {{2, 4, 6, 3}, 2}, {{1, 3, 3, 9}, 3}, {{3, 2, 5, 1}, 1}, {{1, 8, 4, 2}, 4}}) {
    const auto x = random_tensor<T>(shape, 1);
    require_close(patch_sequences(Variable<T>(x), patch).value(), reference(x, patch), 0);
  }
}

}  // namespace

TEST_CASE("patch_sequences reads rows of patches, channel-major") {
  compare_reference<float>();
  compare_reference<double>();
}

TEST_CASE("patch_sequences agrees with PyTorch") {
  const Fixture fixture("rnn_tap");
  for (const std::string name : {"rows", "one_patch", "pixels"}) {
    CAPTURE(name);
    const Index patch = fixture.get<Index>(name + "/options")(0);
    const auto y = patch_sequences(Variable<double>(fixture.get<double>(name + "/x")), patch);
    require_close(y.value(), fixture.get<double>(name + "/sequences"), 0);
  }
}

TEST_CASE("patch_sequences has the gradients of its values") {
  for (const Index patch : {1, 2}) {
    const auto result =
        gradcheck([patch](const auto& v) { return std::vector{patch_sequences(v[0], patch)}; },
                  {random_tensor<double>({2, 4, 2, 3}, 2)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("patch_sequences says what it expected and what came") {
  const auto ones = [](const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); };
  CHECK_THROWS_WITH(patch_sequences(ones({2, 4, 6, 3}), 4),
                    "patch_sequences: expected an input (N, H, W, C) with H and W multiples of 4, "
                    "got (2, 4, 6, 3)");
  CHECK_THROWS_AS(patch_sequences(ones({2, 6, 4, 3}), 4), ShapeError);
  CHECK_THROWS_AS(patch_sequences(ones({4, 4, 3}), 2), ShapeError);
  CHECK_THROWS_WITH(patch_sequences(ones({2, 4, 4, 3}), 0),
                    "patch_sequences: expected a positive patch size, got 0");
}
