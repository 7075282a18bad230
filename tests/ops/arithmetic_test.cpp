#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
Variable<T> apply(const std::string& operation, const Variable<T>& a, const Variable<T>& b) {
  return operation == "add" ? a + b : operation == "sub" ? a - b : a * b;
}

const std::vector<std::string> operations{"add", "sub", "mul"};

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("arithmetic");
  for (const std::string name :
       {"equal", "bias", "scalar", "columns", "both", "channels", "ones", "outer"}) {
    for (const auto& operation : operations) {
      CAPTURE(name, operation);
      const Variable<T> a(fixture.get<T>(name + "/a"), true);
      const Variable<T> b(fixture.get<T>(name + "/b"), true);
      const auto y = apply(operation, a, b);
      const std::string prefix = name + "/" + operation + "/";
      require_close(y.value(), fixture.get<T>(prefix + "y"), tolerance);
      y.backward(fixture.get<T>(prefix + "dy"));
      require_close(a.grad(), fixture.get<T>(prefix + "da"), tolerance);
      require_close(b.grad(), fixture.get<T>(prefix + "db"), tolerance);
    }
  }
}

}  // namespace

TEST_CASE("add, sub and mul agree with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("add, sub and mul have the gradients of their values") {
  using Shapes = std::pair<Shape, Shape>;
  for (const auto& [a, b] : {Shapes{{3, 4}, {3, 4}}, Shapes{{2, 3, 5}, {5}}, Shapes{{1}, {3, 1}},
                             Shapes{{3, 1}, {1, 4}}, Shapes{{}, {2}}, Shapes{{3}, {1, 3}}}) {
    for (const auto& operation : operations) {
      const auto result =
          gradcheck([&](const auto& v) { return std::vector{apply(operation, v[0], v[1])}; },
                    {random_tensor<double>(a, 1), random_tensor<double>(b, 2)});
      INFO(operation << ' ' << a << ' ' << b << '\n' << result.log);
      CHECK(result);
    }
  }
}

TEST_CASE("an operand may be both") {
  for (const auto& operation : operations) {
    const auto result =
        gradcheck([&](const auto& v) { return std::vector{apply(operation, v[0], v[0] * 2)}; },
                  {random_tensor<double>({3, 4}, 1)});
    INFO(operation << '\n' << result.log);
    CHECK(result);
  }
  const auto square = gradcheck([](const auto& v) { return std::vector{v[0] * v[0]}; },
                                {random_tensor<double>({3, 4}, 1)});
  INFO(square.log);
  CHECK(square);
}

TEST_CASE("operators take numbers") {
  const Variable<float> x(Tensor<float>({2}, {3, 4}), true);
  const auto y = 2 * (1 - x) * 0.5 + (x - 1) * 3 - (-x) + 10.0;  // 3 x + 8
  CHECK(y.value()(0) == 17);
  CHECK(y.value()(1) == 20);
  y.backward(Tensor<float>({2}, {1, 10}));
  CHECK(x.grad()(0) == 3);
  CHECK(x.grad()(1) == 30);
  const auto result = gradcheck(
      [](const auto& v) {
        return std::vector{1 + v[0], v[0] + 1, 1 - v[0], v[0] - 1, 3 * v[0], v[0] * 3, -v[0]};
      },
      {random_tensor<double>({3}, 1)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("empty tensors broadcast, and the gradient of what is repeated is 0") {
  const Variable<double> a(Tensor<double>::ones({0, 3}), true);
  const Variable<double> b(Tensor<double>::ones({3}), true);
  const auto y = a * b + b;
  CHECK(y.shape() == Shape{0, 3});
  y.backward(Tensor<double>(Shape{0, 3}));
  CHECK(b.grad()(2) == 0);
  const Variable<double> c(Tensor<double>::ones({2, 1}), true);
  const auto z = c - Variable<double>(Tensor<double>::ones({2, 0}));
  CHECK(z.shape() == Shape{2, 0});
  z.backward(Tensor<double>(Shape{2, 0}));
  CHECK(c.grad()(1, 0) == 0);
}

TEST_CASE("gradients of what is repeated are the same for any number of threads") {
  const auto values = random_tensor<float>({70, 30, 41}, 1);
  for (const Shape& shape : {Shape{41}, Shape{30, 1}, Shape{70, 1, 1}, Shape{}}) {
    std::vector<Tensor<float>> gradients;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      const Variable<float> b(Tensor<float>::ones(shape), true);
      (Variable<float>(values) * b).backward(values);
      gradients.push_back(b.grad());
    }
    set_threads(0);
    CAPTURE(to_message(shape));
    CHECK(std::ranges::equal(gradients[1].span(), gradients[0].span()));
    CHECK(std::ranges::equal(gradients[2].span(), gradients[0].span()));
  }
}

TEST_CASE("arithmetic says what it expected and what came") {
  const Variable<float> a(Tensor<float>::ones({2, 3}));
  const Variable<float> b(Tensor<float>::ones({2}));
  CHECK_THROWS_WITH(
      a + b, "add: expected shapes that are equal or 1 from the last axis on, got (2, 3) and (2,)");
  CHECK_THROWS_WITH(
      b - a, "sub: expected shapes that are equal or 1 from the last axis on, got (2,) and (2, 3)");
  CHECK_THROWS_WITH(
      a * b, "mul: expected shapes that are equal or 1 from the last axis on, got (2, 3) and (2,)");
}
