// sum and mean over axes and over all elements.
#include "cnnrnn/ops/sum.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

Tensor<double> random(const Shape& shape) { return random_tensor<double>(shape, 1); }

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

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
