#include "cnnrnn/ops/pad.hpp"

#include <string>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  std::string name;
  std::vector<Padding> paddings;
  double value;
};

template <class T>
void compare_fixture() {
  const std::vector<Case> cases{{"image", {{0, 0}, {2, 0}, {0, 1}, {1, 2}}, 0},
                                {"value", {{2, 1}}, 1.5},
                                {"channels", {{0, 0}, {0, 0}, {0, 0}, {0, 4}}, 0}};
  const Fixture fixture("shapes");
  for (const auto& [name, paddings, value] : cases) {
    CAPTURE(name);
    const std::string prefix = "pad/" + name + "/";
    const Variable<T> x(fixture.get<T>(prefix + "x"), true);
    const auto y = pad(x, paddings, static_cast<T>(value));
    require_close(y.value(), fixture.get<T>(prefix + "y"), 0);
    y.backward(fixture.get<T>(prefix + "dy"));
    require_close(x.grad(), fixture.get<T>(prefix + "dx"), 0);
  }
}

}  // namespace

TEST_CASE("pad agrees with PyTorch, values and gradients") {
  compare_fixture<double>();
  compare_fixture<float>();
}

TEST_CASE("pad has the gradients of its values") {
  const auto result = gradcheck(
      [](const auto& v) {
        return std::vector{pad(v[0], {{1, 2}, {0, 0}, {0, 1}}), pad(v[0], {{0, 0}, {3, 0}, {0, 0}}),
                           pad(v[0], {{0, 0}, {0, 0}, {0, 0}}, 2)};
      },
      {random_tensor<double>({2, 3, 5}, 1)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("pad around nothing is all value") {
  const auto y = pad(Variable<float>(Tensor<float>::ones({0, 2})), {{1, 1}, {0, 1}}, 7).value();
  CHECK(y.shape() == Shape{2, 3});
  CHECK(y(1, 2) == 7);
}

TEST_CASE("pad says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 3}));
  CHECK_THROWS_WITH(pad(x, {{1, 1}}), "pad: expected a padding for each axis of (2, 3), got 1");
  CHECK_THROWS_WITH(pad(x, {{0, 0}, {1, -1}}),
                    "pad: expected paddings of 0 or more, got 1 and -1 for axis 1");
  CHECK_THROWS_AS(pad(x, {{-1, 0}, {0, 0}}), ValueError);
}
