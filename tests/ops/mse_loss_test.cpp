#include "cnnrnn/ops/mse_loss.hpp"

#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("losses");
  const Variable<T> a(fixture.get<T>("mse_loss/a"), true);
  const Variable<T> b(fixture.get<T>("mse_loss/b"), true);
  const auto loss = mse_loss(a, b);
  require_close(loss.value(), fixture.get<T>("mse_loss/y"), tolerance);
  loss.backward(fixture.get<T>("mse_loss/dy"));
  require_close(a.grad(), fixture.get<T>("mse_loss/da"), tolerance);
  require_close(b.grad(), fixture.get<T>("mse_loss/db"), tolerance);
}

}  // namespace

TEST_CASE("the mean squared error agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("the mean squared error has the gradients of its values") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 5, 7}}) {
    const auto result =
        gradcheck([](const auto& v) { return std::vector{mse_loss(v[0], v[1])}; },
                  {random_tensor<double>(shape, 1), random_tensor<double>(shape, 2)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("the mean squared error gives the same bits for any number of threads") {
  const auto a = random_tensor<float>({30001}, 1);
  const auto b = random_tensor<float>({30001}, 2);
  const auto run = [&](int threads) {
    set_threads(threads);
    const float loss = mse_loss<float>(a, b).item();
    set_threads(0);
    return loss;
  };
  CHECK(run(2) == run(1));
  CHECK(run(3) == run(1));
}

TEST_CASE("the mean squared error says what it expected and what came") {
  CHECK_THROWS_WITH(mse_loss<float>(Tensor<float>({2}), Tensor<float>({3})),
                    "mse_loss: expected two of the same shape, got (2,) and (3,)");
  CHECK_THROWS_AS(mse_loss<float>(Tensor<float>({0}), Tensor<float>({0})), ShapeError);
}
