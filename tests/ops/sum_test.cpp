#include "cnnrnn/ops/sum.hpp"

#include <map>
#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

using Axes = std::vector<Index>;

template <class T>
void compare_fixture(double tolerance) {
  const std::map<std::string, Axes> cases{{"all", {0, 1, 2, 3, 4}}, {"first", {0}},
                                          {"last", {-1}},           {"middle", {1, 2}},
                                          {"apart", {0, -2}},       {"one", {2}}};
  const Fixture fixture("arithmetic");
  for (const auto& [name, axes] : cases) {
    for (const std::string operation : {"sum", "mean"}) {
      CAPTURE(name, operation);
      const Variable<T> x(fixture.get<T>("sum/x"), true);
      const auto y = operation == "sum" ? sum(x, axes) : mean(x, axes);
      const std::string prefix = "sum/" + name + "/" + operation + "/";
      require_close(y.value(), fixture.get<T>(prefix + "y"), tolerance);
      y.backward(fixture.get<T>(prefix + "dy"));
      require_close(x.grad(), fixture.get<T>(prefix + "dx"), tolerance);
    }
  }
}

/// The sum over the middle axis of x (O, K, I), in double.
Tensor<double> naive_sum(const Tensor<float>& x) {
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

}  // namespace

TEST_CASE("sum and mean agree with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
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

TEST_CASE("sum and mean have the gradients of their values") {
  const auto result = gradcheck(
      [](const auto& v) {
        return std::vector{sum(v[0]),
                           mean(v[0]),
                           sum(v[0], {1}),
                           mean(v[0], {0, 2}),
                           sum(v[0], {-1}, SummedAxes::keep),
                           sum(v[0], Axes{})};
      },
      {random_tensor<double>({3, 4, 5}, 1)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("sums over many blocks are right, and the same for any number of threads") {
  for (const Shape& shape :
       {Shape{1, 70001, 1}, Shape{3, 40000, 1}, Shape{1, 900, 70}, Shape{40, 30, 33},
        Shape{2, 40, 1500}, Shape{1, 1, 3000}, Shape{2, 20000, 3}}) {
    const auto x = random_tensor<float>(shape, 1);
    std::vector<Tensor<float>> results;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      results.push_back(sum(Variable<float>(x), {1}).value());
    }
    set_threads(0);
    CAPTURE(to_message(shape));
    require_close(results[0].to<double>(), naive_sum(x), 1e-5);
    CHECK(std::ranges::equal(results[1].span(), results[0].span()));
    CHECK(std::ranges::equal(results[2].span(), results[0].span()));
  }
}

TEST_CASE("a sum of ten million equal numbers keeps its digits") {
  const auto ones = Tensor<float>::full({10000000}, 0.1F);
  CHECK(sum(Variable<float>(ones)).item() == Approx(1e6).epsilon(1e-6));
}

TEST_CASE("sum and mean say what they expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 3}));
  CHECK_THROWS_WITH(sum(x, {2}), "sum: expected axes of (2, 3), each once, got 2");
  CHECK_THROWS_WITH(mean(x, {0, -2}), "mean: expected axes of (2, 3), each once, got -2");
  CHECK_THROWS_WITH(mean(Variable<float>(Tensor<float>::ones({0, 3}))),
                    "mean: expected one element or more, got (0, 3)");
}
