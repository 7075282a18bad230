// The tables' checks find what they are there for: each is given something that is broken.
#include "support/op_table.hpp"

#include <algorithm>
#include <limits>

#include "cnnrnn/core/parallel.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// y = 2 x, with what one wants to have wrong.
struct Twice {
  double value = 2, gradient = 2, more_in_float = 0, more_on_threads = 0;

  template <class T>
  Variable<T> operator()(const Variables<T>& v) const {
    const auto factor = static_cast<T>(value + (sizeof(T) == 4 ? more_in_float : 0) +
                                       (threads() > 1 ? more_on_threads : 0));
    Tensor<T> y(v[0].shape());
    std::ranges::transform(v[0].value().span(), y.mutable_data(), [&](T x) { return factor * x; });
    return record<T>("twice", {v[0]}, y, [slope = static_cast<T>(gradient)](Gradients<T>& g) {
      Tensor<T> dx(g.dy().shape());
      std::ranges::transform(g.dy().span(), dx.mutable_data(), [&](T dy) { return slope * dy; });
      g.give(0, dx);
    });
  }
};

Tensor<double> doubled(const Tensors<double>& in) {
  Tensor<double> y(in[0].shape());
  std::ranges::transform(in[0].span(), y.mutable_data(), [](double x) { return 2 * x; });
  return y;
}

const Tensor<double> x = random_tensor<double>({3, 5}, 1);

std::vector<std::string> found(const Twice& op, const std::vector<BadCall>& bad_calls = {}) {
  return problems("twice", {{"a case", {x}, op, doubled}}, bad_calls);
}

void require_found(const std::vector<std::string>& problems, const std::string& part) {
  INFO("looked for: " << part);
  REQUIRE(problems.size() >= 1);
  CHECK_THAT(problems.front(), Contains(part));
}

const char* const message = "twice: expected two, got one";

}  // namespace

TEST_CASE("a table of an op that does what it should has no problems") {
  CHECK(found({}, {throws<ShapeError>([] { throw ShapeError(message); }, message)}).empty());
}

TEST_CASE("a table finds wrong values, in double, in float and on several threads") {
  require_found(found({.value = 2.001}), "output 0 in double: worst element");
  require_found(found({.more_in_float = 0.001}), "output 0 in float: worst element");
  set_threads(1);  // for the comparison of the values, which is to find nothing
  require_found(found({.more_on_threads = 0.001}), "result 0: other bytes on 2 threads");
  set_threads(0);
}

TEST_CASE("a comparison notices a NaN wherever it stands") {
  for (const Index place : {0, 7, 14}) {
    auto wrong = x.clone();
    wrong.mutable_data()[place] = std::numeric_limits<double>::quiet_NaN();
    CHECK_THAT(difference(wrong, x, 1e-12), Contains(to_message("worst element ", place)));
  }
}

TEST_CASE("a table finds wrong gradients, also where PyTorch has others") {
  require_found(found({.gradient = 2.01}), "gradients\nWRONG");
  OpCase c{"a case", {x}, Twice()};
  c.pytorch = {{doubled({x})}, {x}, {doubled({x})}};
  CHECK(problems("twice", {c}, {}).empty());
  c.pytorch.gradients = {x};
  require_found(problems("twice", {c}, {}), "PyTorch's gradient 0 in double: worst element");
  c.pytorch = {{x}, {x}, {doubled({x})}};
  require_found(problems("twice", {c}, {}), "PyTorch's output 0 in double: worst element");
}

TEST_CASE("a table finds an error that does not come, or another one") {
  require_found(found({}, {throws<ShapeError>([] {}, message)}), "got no exception");
  require_found(found({}, {throws<ShapeError>([] { throw ShapeError("twice: no"); }, message)}),
                "got twice: no");
  require_found(found({}, {throws<ShapeError>([] { throw ValueError(message); }, message)}),
                "got an exception of another kind");
}

TEST_CASE("a table finds a message that does not say enough") {
  for (const char* const poor : {"thrice: expected two, got one", "twice: expected two",
                                 "twice: got one", "expected two, got one"}) {
    require_found(found({}, {throws<ValueError>([=] { throw ValueError(poor); }, poor)}),
                  "expected a message with the name");
  }
}

TEST_CASE("a table that could not fail is itself a problem") {
  require_found(problems("twice", {}, {}), "expected a case with values");
  require_found(problems("twice", {{"a case", {x}, Twice()}}, {}), "expected a case with values");
  const auto flat = [](const auto& v) {
    return std::vector{Twice()(v), Twice{.value = 0, .gradient = 0}(std::vector{v[1]})};
  };
  const auto doubled_and_zero = [](const Tensors<double>& in) {
    return Tensors<double>{doubled(in), Tensor<double>::zeros(in[1].shape())};
  };
  require_found(problems("twice", {{"a case", {x, x}, flat, doubled_and_zero}}, {}),
                "a wrong gradient of input 1 would pass");
  require_found(problems("twice", {{"a case", {x}, Twice(), doubled, {.in_double = 1}}}, {}),
                "a wrong value would pass");
}
