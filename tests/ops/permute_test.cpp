#include "cnnrnn/ops/permute.hpp"

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
void compare_fixture() {
  const std::map<std::string, Axes> cases{{"transpose", {1, 0}},
                                          {"nothing", {0, 1, 2}},
                                          {"nchw", {0, 3, 1, 2}},
                                          {"six", {3, 0, 5, 1, 4, 2}},
                                          {"negative", {-1, 0, -2}}};
  const Fixture fixture("shapes");
  for (const auto& [name, axes] : cases) {
    CAPTURE(name);
    const std::string prefix = "permute/" + name + "/";
    const Variable<T> x(fixture.get<T>(prefix + "x"), true);
    const auto y = permute(x, axes);
    require_close(y.value(), fixture.get<T>(prefix + "y"), 0);
    y.backward(fixture.get<T>(prefix + "dy"));
    require_close(x.grad(), fixture.get<T>(prefix + "dx"), 0);
  }
}

}  // namespace

TEST_CASE("permute agrees with PyTorch, values and gradients") {
  compare_fixture<double>();
  compare_fixture<float>();
}

TEST_CASE("permute has the gradients of its values") {
  for (const auto& axes : {Axes{2, 1, 0}, Axes{1, 2, 0}, Axes{0, 2, 1}, Axes{0, 1, 2}}) {
    const auto result = gradcheck([&](const auto& v) { return std::vector{permute(v[0], axes)}; },
                                  {random_tensor<double>({2, 3, 5}, 1)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("permute of many blocks, where a block ends inside a row") {
  const auto x = random_tensor<float>({7, 130, 67}, 1);
  const Variable<float> input(x, true);
  const auto y = permute(input, {2, 0, 1});
  y.backward(y.value());
  Index wrong = 0;
  for (Index i = 0; i < 7; ++i) {
    for (Index j = 0; j < 130; ++j) {
      for (Index k = 0; k < 67; ++k) {
        wrong += y.value()(k, i, j) != x(i, j, k);
      }
    }
  }
  CHECK(wrong == 0);
  require_close(input.grad(), x, 0);
}

TEST_CASE("permute of a scalar, of ones and of nothing") {
  CHECK(permute(Variable<float>(Tensor<float>::scalar(3)), {}).item() == 3);
  CHECK(permute(Variable<float>(Tensor<float>::ones({1, 1})), {1, 0}).item() == 1);
  CHECK(permute(Variable<float>(Tensor<float>::ones({3, 0})), {1, 0}).shape() == Shape{0, 3});
}

TEST_CASE("permute says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 3}));
  CHECK_THROWS_WITH(permute(x, {0}), "permute: expected every axis of (2, 3) once, got {0}");
  CHECK_THROWS_WITH(permute(x, {0, 0}), "permute: expected every axis of (2, 3) once, got {0, 0}");
  CHECK_THROWS_AS(permute(x, {1, 2}), ShapeError);
  CHECK_THROWS_AS(permute(x, {0, -3}), ShapeError);
  CHECK_THROWS_AS(permute(x, {0, 1, 2}), ShapeError);
}
