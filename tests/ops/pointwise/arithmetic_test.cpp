// add, sub and mul with their operators and broadcasting.
#include <string>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

Tensor<double> random(const Shape& shape, std::uint64_t seed = 1) {
  return random_tensor<double>(shape, seed);
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

/// Shapes that broadcast, PyTorch's cases of them, one operand as both, and many blocks.
std::vector<OpCase> binary(const std::string& name, const Op& op) {
  std::vector<OpCase> cases;
  for (const std::string shapes :
       {"equal", "bias", "scalar", "columns", "both", "channels", "ones", "outer"}) {
    cases.push_back(pytorch_case(Fixture("arithmetic"), shapes + '/' + name, {"a", "b"}, op));
  }
  using Shapes = std::pair<Shape, Shape>;
  for (const auto& [a, b] : {Shapes{{3, 4}, {3, 4}}, Shapes{{2, 3, 5}, {5}}, Shapes{{1}, {3, 1}},
                             Shapes{{3, 1}, {1, 4}}, Shapes{{}, {2}}, Shapes{{3}, {1, 3}}}) {
    cases.push_back({to_message(a, " and ", b), {random(a), random(b, 2)}, op});
  }
  cases.push_back({"an operand is both", {random({3, 4})}, [op](const auto& v) {
                     return op({v[0], v[0] * 2});
                   }});
  for (const Shape& b : {Shape{41}, Shape{30, 1}, Shape{70, 1, 1}, Shape{}}) {
    cases.push_back({to_message("many blocks and ", b),
                     {random({70, 30, 41}), random(b, 2)},
                     op,
                     {},
                     {},
                     Gradcheck::too_large});
  }
  return cases;
}

/// Calls of a and b, of shapes that do not broadcast.
std::vector<BadCall> unequal(const std::string& name, const Op& op) {
  const std::string expected = ": expected shapes that are equal or 1 from the last axis on, got ";
  return {throws<ShapeError>(
              [=] {
                op({ones({2, 3}), ones({2})});
              },
              name + expected + "(2, 3) and (2,)"),
          throws<ShapeError>(
              [=] {
                op({ones({2}), ones({2, 3})});
              },
              name + expected + "(2,) and (2, 3)")};
}

}  // namespace

TEST_CASE("add, sub and mul") {
  const Op plus = [](const auto& v) { return add(v[0], v[1]); };
  const Op minus = [](const auto& v) { return sub(v[0], v[1]); };
  const Op times = [](const auto& v) { return mul(v[0], v[1]); };
  check_op("add", binary("add", plus), unequal("add", plus));
  check_op("sub", binary("sub", minus), unequal("sub", minus));
  check_op("mul", binary("mul", times), unequal("mul", times));
}

TEST_CASE("operators") {
  const auto operators = [](const auto& v) {
    return std::vector{v[0] + v[1], v[0] - v[1], v[0] * v[1]};
  };
  const auto functions = [](const Tensors<double>& in) {
    return std::vector{add<double>(in[0], in[1]), sub<double>(in[0], in[1]),
                       mul<double>(in[0], in[1])};
  };
  check_op("operator", {{"of two", {random({3}), random({2, 3}, 2)}, operators, functions}});
  check_op("operator", {{"of one twice",
                         {random({3, 4})},
                         [](const auto& v) { return v[0] * v[0]; },
                         [](const Tensors<double>& in) { return mul<double>(in[0], in[0]); }}});
  check_op("scale_shift",
           {{"two numbers and all operators with a number",
             {random({3})},
             [](const auto& v) {
               return std::vector{scale_shift(v[0], 3, -2),
                                  1 + v[0],
                                  v[0] + 1,
                                  1 - v[0],
                                  v[0] - 1,
                                  3 * v[0],
                                  v[0] * 3,
                                  -v[0]};
             },
             [](const Tensors<double>& in) {
               Tensors<double> results;
               for (const auto& [scale, shift] : std::vector<std::pair<double, double>>{
                        {3, -2}, {1, 1}, {1, 1}, {-1, 1}, {1, -1}, {3, 0}, {3, 0}, {-1, 0}}) {
                 auto& y = results.emplace_back(in[0].clone());
                 for (double& value : y.mutable_span()) {
                   value = scale * value + shift;
                 }
               }
               return results;
             }}});
}

TEST_CASE("operators take numbers") {
  const Variable<float> x(Tensor<float>({2}, {3, 4}), true);
  const auto y = 2 * (1 - x) * 0.5 + (x - 1) * 3 - (-x) + 10.0;  // 3 x + 8
  CHECK(y.value()(0) == 17);
  CHECK(y.value()(1) == 20);
  y.backward(Tensor<float>({2}, {1, 10}));
  CHECK(x.grad()(0) == 3);
  CHECK(x.grad()(1) == 30);
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
