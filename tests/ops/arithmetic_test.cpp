// add, sub and mul with their operators and broadcasting, sum and mean.
#include <string>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/sum.hpp"
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

using Axes = std::vector<Index>;

/// x (O, K, I), summed over K in double.
Tensor<double> naive_sum(const Tensors<double>& in) {
  const auto& x = in[0];
  auto y = Tensor<double>::zeros({x.dim(0), x.dim(2)});
  for (Index o = 0; o < x.dim(0); ++o) {
    for (Index k = 0; k < x.dim(1); ++k) {
      for (Index i = 0; i < x.dim(2); ++i) {
        y.mutable_at(o, i) += x(o, k, i);
      }
    }
  }
  return y;
}

/// PyTorch's cases of the sums over axes; `over` makes an op of the axes.
template <class Over>
std::vector<OpCase> sums(const std::string& name, const Over& over) {
  const std::vector<std::pair<std::string, Axes>> axes{{"all", {0, 1, 2, 3, 4}}, {"first", {0}},
                                                       {"last", {-1}},           {"middle", {1, 2}},
                                                       {"apart", {0, -2}},       {"one", {2}}};
  std::vector<OpCase> cases;
  for (const auto& [path, summed] : axes) {
    cases.push_back(
        pytorch_case(Fixture("arithmetic"), "sum/" + path + '/' + name, {"x"}, over(summed)));
  }
  return cases;
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

TEST_CASE("sum and mean") {
  auto sum_cases =
      sums("sum", [](const Axes& axes) { return [=](const auto& v) { return sum(v[0], axes); }; });
  auto mean_cases = sums(
      "mean", [](const Axes& axes) { return [=](const auto& v) { return mean(v[0], axes); }; });
  sum_cases.push_back({"of all, kept axes, of none", {random({3, 4, 5})}, [](const auto& v) {
                         return std::vector{sum(v[0]),
                                            mean(v[0]),
                                            sum(v[0], {1}),
                                            mean(v[0], {0, 2}),
                                            sum(v[0], {-1}, SummedAxes::keep),
                                            sum(v[0], Axes{})};
                       }});
  mean_cases.push_back({"of a few", {random({2, 3})}, [](const auto& v) {
                          return std::vector{mean(v[0]), mean(v[0], {1}, SummedAxes::keep)};
                        }});
  for (const Shape& shape :
       {Shape{1, 70001, 1}, Shape{3, 40000, 1}, Shape{1, 900, 70}, Shape{40, 30, 33},
        Shape{2, 40, 1500}, Shape{1, 1, 3000}, Shape{2, 20000, 3}}) {
    sum_cases.push_back({to_message("many blocks ", shape),
                         {random(shape)},
                         [](const auto& v) { return sum(v[0], {1}); },
                         naive_sum,
                         {},
                         Gradcheck::too_large});
  }
  check_op("sum", sum_cases,
           {throws<ShapeError>(
               [] {
                 sum(ones({2, 3}), {2});
               },
               "sum: expected axes of (2, 3), each once, got 2")});
  check_op("mean", mean_cases,
           {throws<ShapeError>(
                [] {
                  mean(ones({2, 3}), {0, -2});
                },
                "mean: expected axes of (2, 3), each once, got -2"),
            throws<ShapeError>(
                [] {
                  mean(ones({0, 3}));
                },
                "mean: expected one element or more, got (0, 3)"),
            throws<ShapeError>(
                [] {
                  mean(ones({0, 3}), {0});
                },
                "mean: expected one element or more, got (0, 3)")});
}

TEST_CASE("sum and mean of all elements") {
  const Variable<double> x(Tensor<double>({2, 3}, {1, 2, 3, 4, 5, 6}), true);
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x).item() == 21);
  CHECK(mean(x).item() == Approx(3.5));
  CHECK(sum(x, Axes{}).shape() == Shape{2, 3});
  CHECK(sum(x, {1}, SummedAxes::keep).shape() == Shape{2, 1});
  CHECK(mean(x, {0, 1}, SummedAxes::keep).shape() == Shape{1, 1});
  CHECK(sum(Variable<double>(Tensor<double>::zeros({0, 3}))).item() == 0);
}

TEST_CASE("a sum of ten million equal numbers keeps its digits") {
  const auto tenths = Tensor<float>::full({10000000}, 0.1F);
  CHECK(sum(Variable<float>(tenths)).item() == Approx(1e6).epsilon(1e-6));
}
