#include "cnnrnn/ops/concat.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture() {
  const std::map<std::string, std::pair<int, Index>> cases{
      {"last", {3, -1}}, {"first", {2, 0}}, {"middle", {3, 1}}};
  const Fixture fixture("shapes");
  for (const auto& [name, count_and_axis] : cases) {
    CAPTURE(name);
    const std::string prefix = "concat/" + name + "/";
    std::vector<Variable<T>> parts;
    for (int i = 0; i < count_and_axis.first; ++i) {
      parts.emplace_back(fixture.get<T>(prefix + "x" + std::to_string(i)), true);
    }
    const auto y = concat(parts, count_and_axis.second);
    require_close(y.value(), fixture.get<T>(prefix + "y"), 0);
    y.backward(fixture.get<T>(prefix + "dy"));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      require_close(parts[i].grad(), fixture.get<T>(prefix + "dx" + std::to_string(i)), 0);
    }
  }
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

}  // namespace

TEST_CASE("concat agrees with PyTorch, values and gradients") {
  compare_fixture<double>();
  compare_fixture<float>();
}

TEST_CASE("concat has the gradients of its values") {
  const auto result = gradcheck(
      [](const auto& v) {
        return std::vector{concat({v[0], v[1]}), concat({v[0], v[2], v[0]}, 0), concat({v[0]}, 1),
                           concat({v[1], v[0], v[1]}, -1)};
      },
      {random_tensor<double>({2, 3}, 1), random_tensor<double>({2, 1}, 2),
       random_tensor<double>({4, 3}, 3)});
  INFO(result.log);
  CHECK(result);
}

TEST_CASE("concat of one part, of empty parts and of an empty batch") {
  CHECK(concat({ones({2, 3})}).shape() == Shape{2, 3});
  const auto y = concat({ones({2, 0}), ones({2, 3}), ones({2, 0})});
  CHECK(y.shape() == Shape{2, 3});
  CHECK(y.value()(1, 2) == 1);
  CHECK(concat({ones({0, 2}), ones({0, 3})}).shape() == Shape{0, 5});
}

TEST_CASE("concat says what it expected and what came") {
  CHECK_THROWS_WITH(concat<float>({}), "concat: expected one part or more, got none");
  CHECK_THROWS_WITH(concat({ones({2, 3}), ones({3, 3})}),
                    "concat: expected a part like (2, 3) but for axis -1, got (3, 3)");
  CHECK_THROWS_WITH(concat({ones({2, 3}), ones({2, 3, 1})}, 0),
                    "concat: expected a part like (2, 3) but for axis 0, got (2, 3, 1)");
  CHECK_THROWS_WITH(concat({ones({2, 3})}, 2), "concat: expected an axis of (2, 3), got 2");
}
