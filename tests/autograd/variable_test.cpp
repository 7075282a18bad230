#include "cnnrnn/autograd/variable.hpp"

#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("an undefined variable has neither value nor gradient") {
  const Variable<float> none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(none.requires_grad());
  CHECK_FALSE(none.grad().defined());
  CHECK_THROWS_AS(none.backward(), Error);
}

TEST_CASE("a tensor is a constant") {
  const Variable<float> x = Tensor<float>::ones({2, 3});
  CHECK(x.defined());
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.dim(-1) == 3);
  CHECK(x.rank() == 2);
  CHECK_FALSE(x.requires_grad());
  CHECK_FALSE((x * x).requires_grad());
  CHECK_THROWS_WITH(
      sum(x).backward(),
      "backward: expected a result that depends on a leaf with a gradient, got a constant");
}

TEST_CASE("an undefined input, such as a bias that is not there, gets no gradient") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  const auto y = record<double>("with_bias", {x, {}}, x.value().clone(), [](Gradients<double>& g) {
    CHECK_FALSE(g.needs(1));
    CHECK_FALSE(g.dx(1).needed());
    g.give(1, g.dy());
    g.give(0, g.dy());
  });
  y.backward();
  CHECK(x.grad().item() == 1);
}

TEST_CASE("copies of a leaf share value and gradient") {
  Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  Variable<double> copy = x;
  sum(x * x).backward();
  REQUIRE(copy.grad().defined());
  CHECK(copy.grad()(1) == 8);
  copy.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("gradients add up until they are cleared") {
  Variable<double> x(Tensor<double>::scalar(3), true);
  (x * x).backward();
  (x * x).backward();
  CHECK(x.grad().item() == 12);
  x.zero_grad();
  (x * x).backward();
  CHECK(x.grad().item() == 6);
}

TEST_CASE("only leaves keep their gradient") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  const auto y = x * x;
  const auto z = y * y;
  z.backward();
  CHECK(x.grad().item() == 4 * 27);
  CHECK_FALSE(y.grad().defined());
  CHECK_FALSE(z.grad().defined());
}

TEST_CASE("detach leaves the graph and keeps the value") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  const auto y = (x * x).detach();
  CHECK(y.item() == 9);
  CHECK_FALSE(y.requires_grad());
  (x * y).backward();
  CHECK(x.grad().item() == 9);
}

TEST_CASE("backward of a leaf adds to its own gradient") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  x.backward();
  x.backward();
  CHECK(x.grad().item() == 2);
}

TEST_CASE("backward from something that is not a scalar needs its gradient") {
  const Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  CHECK_THROWS_WITH(x.backward(),
                    "backward: expected a scalar, got (2,) (give the gradient of the output)");
  CHECK_THROWS_WITH(x.backward(Tensor<double>::ones({3})),
                    "backward: expected a gradient of shape (2,), got (3,)");
  CHECK_THROWS_WITH(sum(x).backward(Tensor<double>()),
                    "backward: expected a gradient of shape (), got an undefined one");
  (x * x).backward(Tensor<double>({2}, {1, 10}));
  CHECK(x.grad()(0) == 6);
  CHECK(x.grad()(1) == 80);
}

TEST_CASE("set_grad replaces the gradient") {
  Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  sum(x).backward();
  x.set_grad(Tensor<double>({2}, {5, 6}));
  CHECK(x.grad()(1) == 6);
  CHECK_THROWS_WITH(x.set_grad(Tensor<double>::ones({3})),
                    "set_grad: expected shape (2,), got (3,)");
  Variable<double> constant(Tensor<double>::ones({2}));
  CHECK_THROWS_WITH(constant.set_grad(Tensor<double>::ones({2})),
                    "set_grad: expected a variable that requires a gradient, got a constant");
}

TEST_CASE("a frozen leaf gets no gradient, whichever handle froze it") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  Variable<double> w(Tensor<double>::scalar(5), true);
  const Variable<double> handle = w;
  (x * w).backward();
  CHECK(w.grad().item() == 3);
  w.set_requires_grad(false);
  CHECK_FALSE(handle.requires_grad());
  CHECK_FALSE(handle.grad().defined());
  CHECK_FALSE((w * w).requires_grad());
  (x * handle).backward();
  CHECK(x.grad().item() == 10);
  CHECK_FALSE(w.grad().defined());
  CHECK_THROWS_AS(w.set_grad(Tensor<double>::scalar(1)), GraphError);

  w.set_requires_grad(true);
  (x * handle).backward();
  CHECK(handle.grad().item() == 3);
}

TEST_CASE("an operation sees that a frozen input needs no gradient, also one frozen after it") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  Variable<double> w(Tensor<double>::scalar(5), true);
  const auto with_weight = [&] {
    return record<double>("with_weight", {x, w}, x.value().clone(), [](Gradients<double>& g) {
      CHECK_FALSE(g.needs(1));
      CHECK_FALSE(g.dx(1).needed());
      g.give(1, g.dy());
      g.give(0, g.dy());
    });
  };
  const auto before = with_weight();
  w.set_requires_grad(false);
  before.backward();
  with_weight().backward();
  CHECK(x.grad().item() == 2);
  w.set_requires_grad(true);
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("a leaf may be frozen from the start, and a constant become a leaf") {
  Variable<double> w(Tensor<double>::scalar(5), false);
  const Variable<double> handle = w;
  CHECK_FALSE(handle.requires_grad());
  w.set_requires_grad(true);
  (handle * handle).backward();
  CHECK(w.grad().item() == 10);

  Variable<double> constant = Tensor<double>::scalar(4);
  constant.set_requires_grad(false);
  CHECK_FALSE(constant.requires_grad());
  constant.set_requires_grad(true);
  (constant * constant).backward();
  CHECK(constant.grad().item() == 8);

  auto y = constant * constant;
  CHECK_THROWS_WITH(y.set_requires_grad(false),
                    "set_requires_grad: expected a parameter or an input, got the output of mul");
}
