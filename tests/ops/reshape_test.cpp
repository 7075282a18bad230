#include "cnnrnn/ops/reshape.hpp"

#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

TEST_CASE("reshape shows the same memory under another shape") {
  const Variable<float> x(random_tensor<float>({2, 3, 4}, 1), true);
  const auto y = reshape(x, {4, -1});
  CHECK(y.shape() == Shape{4, 6});
  CHECK(y.value().shares_memory_with(x.value()));
  CHECK(y.requires_grad());
  CHECK(reshape(x, Shape{24}).shape() == Shape{24});
}

TEST_CASE("reshape has the gradients of its values") {
  const auto result = gradcheck(
      [](const auto& v) {
        const auto y = reshape(v[0], {3, -1});
        return std::vector{y * y, reshape(v[0], Shape{1, 12}) + 1};
      },
      {random_tensor<double>({2, 6}, 1)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("gradients through reshape do not change the one that was given") {
  const Variable<double> x(Tensor<double>::ones({2, 3}), true);
  const auto dy = Tensor<double>::ones({6});
  reshape(x, {6}).backward(dy);
  reshape(x, {6}).backward(dy);
  CHECK(dy(0) == 1);
  CHECK(x.grad()(1, 2) == 2);
}

TEST_CASE("reshape says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 3}));
  CHECK_THROWS_WITH(reshape(x, Shape{5}), "reshape: expected 6 elements of (2, 3), got (5,)");
  CHECK_THROWS_AS(reshape(x, {4, -1}), ShapeError);
  CHECK_THROWS_AS(reshape(x, {-1, -1}), ShapeError);
}
