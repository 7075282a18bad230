#include "cnnrnn/autograd/saved.hpp"

#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("a saved tensor reads back as long as it is not changed") {
  Tensor<float> tensor({2}, {1, 2});
  const Saved<float> saved(tensor);
  CHECK(saved->size() == 2);
  CHECK((*saved)(1) == 2);
  tensor.mutable_at(0) = 5;
  tensor.mutable_at(1) = 6;
  CHECK_THROWS_WITH(*saved,
                    "expected the saved tensor (2,) as the forward pass left it, got it changed 2 "
                    "times since");
}

TEST_CASE("a change through another handle or shape is noticed") {
  const Tensor<float> tensor({2}, {1, 2});
  const Saved<float> saved(tensor);
  tensor.reshape({1, 2}).mutable_at(0, 0) = 5;
  CHECK_THROWS_AS(*saved, GraphError);
}

TEST_CASE("a change of a copy does not matter") {
  const Tensor<float> tensor({2}, {1, 2});
  const Saved<float> saved(tensor);
  tensor.clone().mutable_at(0) = 5;
  CHECK((*saved)(0) == 1);
}

TEST_CASE("a parameter changed between forward and backward is reported with the operation") {
  Variable<double> weight(Tensor<double>({2}, {1, 2}), true);
  const Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  const auto loss = sum(weight * x);
  weight.mutable_value().mutable_at(0) = 7;
  CHECK_THROWS_WITH(loss.backward(),
                    "backward of mul: expected the saved tensor (2,) as the forward pass left it, "
                    "got it changed 1 times since");
}

TEST_CASE("an activation changed between forward and backward is reported") {
  const Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  auto y = relu(x);
  const auto loss = sum(y);
  y.mutable_value().mutable_at(0) = 7;
  CHECK_THROWS_AS(loss.backward(), GraphError);
}

TEST_CASE("a parameter may change when its value is not needed for backward") {
  Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  const auto loss = sum(x);
  x.mutable_value().mutable_at(0) = 7;
  loss.backward();
  CHECK(x.grad()(0) == 1);
}
