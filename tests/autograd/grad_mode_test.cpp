#include "cnnrnn/autograd/grad_mode.hpp"

#include <stdexcept>
#include <thread>

#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("nothing is recorded under a NoGradGuard") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  CHECK(grad_enabled());
  {
    const NoGradGuard no_grad;
    CHECK_FALSE(grad_enabled());
    {
      const NoGradGuard again;
      CHECK_FALSE(grad_enabled());
    }
    CHECK_FALSE(grad_enabled());
    const auto y = x * x;
    CHECK(y.item() == 9);
    CHECK_FALSE(y.requires_grad());
  }
  CHECK(grad_enabled());
  CHECK((x * x).requires_grad());
}

TEST_CASE("an exception ends a NoGradGuard") {
  try {
    const NoGradGuard no_grad;
    throw std::runtime_error("on the way out");
  } catch (const std::runtime_error&) {
  }
  CHECK(grad_enabled());
}

TEST_CASE("a NoGradGuard is for its own thread") {
  const NoGradGuard no_grad;
  bool enabled = false;
  std::thread([&] { enabled = grad_enabled(); }).join();
  CHECK(enabled);
}

TEST_CASE("backward runs under a NoGradGuard") {
  const Variable<double> x(Tensor<double>::scalar(3), true);
  const auto y = x * x;
  const NoGradGuard no_grad;
  y.backward();
  CHECK(x.grad().item() == 6);
}
