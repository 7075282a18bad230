#include "cnnrnn/ops/flatten.hpp"

#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/flatten.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture() {
  const Fixture fixture("shapes");
  for (const std::string name : {"image", "one", "pixel", "sequence"}) {
    CAPTURE(name);
    const std::string prefix = "flatten/" + name + "/";
    const Variable<T> x(fixture.get<T>(prefix + "x"), true);
    const auto y = flatten(x);
    require_close(y.value(), fixture.get<T>(prefix + "y"), 0);
    y.backward(fixture.get<T>(prefix + "dy"));
    require_close(x.grad(), fixture.get<T>(prefix + "dx"), 0);
  }
}

}  // namespace

TEST_CASE("flatten agrees with PyTorch, values and gradients") {
  compare_fixture<double>();
  compare_fixture<float>();
}

TEST_CASE("flatten has the gradients of its values") {
  for (const Shape& shape : {Shape{2, 3, 2, 5}, Shape{1, 1, 1, 3}, Shape{2, 3, 4}, Shape{3, 2}}) {
    const auto result = gradcheck([](const auto& v) { return std::vector{flatten(v[0])}; },
                                  {random_tensor<double>(shape, 1)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("flatten as a layer, also of an empty batch") {
  nn::Flatten<float> layer;
  CHECK(layer(Variable<float>(Tensor<float>::ones({2, 3, 4, 5}))).shape() == Shape{2, 60});
  CHECK(layer(Variable<float>(Tensor<float>::ones({0, 3, 4, 5}))).shape() == Shape{0, 60});
  CHECK(layer.describe() == "Flatten()");
}

TEST_CASE("flatten says what it expected and what came") {
  CHECK_THROWS_WITH(flatten(Variable<float>(Tensor<float>::ones({3}))),
                    "flatten: expected a rank of 2 or more, got (3,)");
}
