// sum, mean and extremes over axes, and over all elements.
#include "cnnrnn/ops/sum.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/ops/extremes.hpp"
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

namespace {

/// PyTorch's cases and a plain loop; along(axis, x) is the op.
template <class Along, class Further>
std::vector<OpCase> extremes(const std::string& name, const Along& along, const Further& further) {
  const auto op = [along](Index axis) {
    return [=](const auto& v) { return along(v[0], axis, SummedAxes::drop); };
  };
  std::vector<OpCase> cases{
      pytorch_case(Fixture("arithmetic"), "sum/first/" + name, {"x"}, op(0)),
      pytorch_case(Fixture("arithmetic"), "sum/last/" + name, {"x"}, op(-1)),
      pytorch_case(Fixture("arithmetic"), "sum/one/" + name, {"x"}, op(2)),
      pytorch_case(Fixture("arithmetic"), "equal_ones/" + name, {"x"}, op(1))};
  cases.back().gradcheck = Gradcheck::too_large;  // a kink
  for (const Shape& shape : {Shape{2, 5, 3}, Shape{3, 37, 1}, Shape{20, 50, 35}}) {
    cases.push_back({to_message(shape),
                     {random(shape)},
                     [along](const auto& v) { return along(v[0], 1, SummedAxes::keep); },
                     [further](const Tensors<double>& in) {
                       const auto& x = in[0];
                       Tensor<double> y({x.dim(0), 1, x.dim(2)});
                       for (Index i = 0; i < y.size(); ++i) {
                         const Index o = i / x.dim(2);
                         y.mutable_data()[i] = x(o, 0, i % x.dim(2));
                         for (Index k = 1; k < x.dim(1); ++k) {
                           y.mutable_data()[i] = further(y.data()[i], x(o, k, i % x.dim(2)));
                         }
                       }
                       return y;
                     },
                     {},
                     shape.size() > 1000 ? Gradcheck::too_large : Gradcheck::yes});
  }
  return cases;
}

std::vector<BadCall> no_extremes(const std::string& name,
                                 const std::function<void(const Variable<float>&, Index)>& call) {
  return {throws<ShapeError>(
              [=] {
                call(ones({2, 3}), 2);
              },
              name + ": expected axes of (2, 3), each once, got 2"),
          throws<ShapeError>(
              [=] {
                call(ones({2, 0}), 1);
              },
              name + ": expected one element or more, got (2, 0)")};
}

}  // namespace

TEST_CASE("amax and amin") {
  check_op(
      "amax",
      extremes(
          "amax", [](const auto& x, Index axis, SummedAxes axes) { return amax(x, axis, axes); },
          [](double a, double b) { return std::max(a, b); }),
      no_extremes("amax", [](const auto& x, Index axis) { amax(x, axis); }));
  check_op(
      "amin",
      extremes(
          "amin", [](const auto& x, Index axis, SummedAxes axes) { return amin(x, axis, axes); },
          [](double a, double b) { return std::min(a, b); }),
      no_extremes("amin", [](const auto& x, Index axis) { amin(x, axis); }));
}

TEST_CASE("an extreme with a NaN is NaN, wherever it stands") {
  for (const Index size : {3, 40}) {
    for (const Index at : {Index{0}, size / 2, size - 1}) {
      auto x = Tensor<float>::zeros({size, 2});
      x.mutable_at(at, 1) = std::numeric_limits<float>::quiet_NaN();
      CHECK(amax<float>(x, 0).value()(0) == 0);
      CHECK(std::isnan(amax<float>(x, 0).value()(1)));
      CHECK(std::isnan(amin<float>(x.reshape({2 * size}), 0).item()));
    }
  }
}
