#include "cnnrnn/ops/slice.hpp"

#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void check_values() {
  const auto x = random_tensor<T>({3, 4, 2}, 1);
  for (const Index axis : {1, -2}) {
    const auto y = slice(Variable<T>(x), axis, 1, 2).value();
    REQUIRE(y.shape() == Shape{3, 2, 2});
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 2; ++j) {
        for (Index k = 0; k < 2; ++k) {
          CHECK(y(i, j, k) == x(i, j + 1, k));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("slice takes a part of one axis") {
  check_values<float>();
  check_values<double>();
  const Variable<float> x(random_tensor<float>({3, 4}, 1));
  CHECK(slice(x, 0, 3, 0).shape() == Shape{0, 4});
  CHECK(slice(x, 0, 0, 3).value()(2, 3) == x.value()(2, 3));
}

TEST_CASE("slice has the gradients of its values") {
  for (const Index axis : {0, 1, 2}) {
    const auto result = gradcheck(
        [axis](const auto& v) {
          return std::vector{slice(v[0], axis, 0, 2), slice(v[0], axis, 1, 2)};
        },
        {random_tensor<double>({3, 4, 3}, 2)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("slice says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 5}));
  CHECK_THROWS_WITH(slice(x, 1, 3, 3),
                    "slice: expected a part of the 5 entries of axis 1 of (2, 5), got 3 from 3 on");
  CHECK_THROWS_AS(slice(x, 1, -1, 2), ShapeError);
  CHECK_THROWS_AS(slice(x, 0, 0, -1), ShapeError);
  CHECK_THROWS_AS(slice(x, 2, 0, 1), ShapeError);
}
