#include "cnnrnn/optim/clip_grad_norm.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
Variable<T> with_gradient(const Tensor<T>& gradient) {
  Variable<T> parameter(Tensor<T>::zeros(gradient.shape()), true);
  parameter.set_grad(gradient);
  return parameter;
}

template <class T>
Tensor<T> first_gradient(const std::string& name, const Shape& shape) {
  const auto all = Fixture("optim").get<T>("gradients/" + name);
  return Tensor<T>(shape, all.span().subspan(0, static_cast<std::size_t>(shape.size())));
}

}  // namespace

TEMPLATE_TEST_CASE("clip_grad_norm clips as PyTorch's", "", float, double) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, double> ? 1e-9 : 1e-4;
  const Fixture fixture("optim");
  for (const auto& [name, max_norm] : {std::pair{"clip/small", 0.5}, {"clip/large", 100.0}}) {
    const auto a = with_gradient(first_gradient<T>("a", {3, 7}));
    const auto b = with_gradient(first_gradient<T>("b", {5}));
    const Variable<T> without(Tensor<T>::zeros({4}), true);
    const double norm = optim::clip_grad_norm<T>({a, without, b}, max_norm);
    CHECK(norm == Approx(fixture.get<double>(std::string(name) + "/norm").item()));
    require_close(a.grad(), fixture.get<T>(std::string(name) + "/a"), tolerance);
    require_close(b.grad(), fixture.get<T>(std::string(name) + "/b"), tolerance);
    CHECK_FALSE(without.grad().defined());
  }
}

TEST_CASE("clip_grad_norm scales a gradient that two parameters share once for each") {
  const auto gradient = Tensor<double>::full({4}, 3);
  const auto a = with_gradient(gradient);
  const auto b = with_gradient(gradient);
  optim::clip_grad_norm<double>({a, b}, 1);
  CHECK(a.grad()(0) == Approx(1 / std::sqrt(8)));
  CHECK(b.grad()(0) == Approx(1 / std::sqrt(8)));
  CHECK(gradient(0) == 3);
}

TEST_CASE("clip_grad_norm counts and scales a parameter once that is given twice") {
  const auto a = with_gradient(Tensor<double>::full({4}, 3));
  const auto b = with_gradient(Tensor<double>::full({1}, 8));
  CHECK(optim::clip_grad_norm<double>({a, b, a}, 1) == 10);
  CHECK(a.grad()(0) == Approx(0.3));
  CHECK(b.grad()(0) == Approx(0.8));
}

TEST_CASE("clip_grad_norm is bitwise the same for any number of threads") {
  const auto gradient = random_tensor<float>({100003}, 5);
  const auto run = [&](int thread_count) {
    set_threads(thread_count);
    const double norm = optim::clip_grad_norm<float>({with_gradient(gradient)}, 1);
    set_threads(0);
    return norm;
  };
  const double one = run(1);
  CHECK(run(2) == one);
  CHECK(run(3) == one);
}

TEST_CASE("clip_grad_norm meets gradients that are not finite, and bad norms") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto bad = with_gradient(Tensor<float>({3}, {1, infinity, 2}));
  CHECK(optim::clip_grad_norm<float>({bad}, 1, {.allow_nonfinite = true}) == infinity);
  CHECK(bad.grad()(0) == 1);
  CHECK(optim::clip_grad_norm<float>({}, 1) == 0);
  const auto clip = [&](double max_norm) {
    return [&bad, max_norm] { optim::clip_grad_norm<float>({bad}, max_norm); };
  };
  const std::vector<BadCall> bad_calls = {
      throws<NumericError>(clip(1),
                           "clip_grad_norm: expected a finite gradient, got one of norm inf"),
      throws<ValueError>(clip(0), "clip_grad_norm: expected a positive norm, got 0"),
      throws<ValueError>(clip(std::numeric_limits<double>::quiet_NaN()),
                         "clip_grad_norm: expected a positive norm, got nan")};
  for (const auto& call : bad_calls) {
    CHECK(call.outcome() == call.message);
  }
}
