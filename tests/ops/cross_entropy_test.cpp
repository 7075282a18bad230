#include "cnnrnn/ops/cross_entropy.hpp"

#include <cmath>
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

// The cases of tests/fixtures/generate/losses.py.
const std::vector<std::pair<std::string, double>> cases{
    {"plain", 0}, {"smooth", 0.1}, {"many", 0}, {"one", 0}, {"all_smooth", 1}};

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("losses");
  for (const auto& [name, smoothing] : cases) {
    CAPTURE(name);
    const std::string path = "cross_entropy_" + name + "/";
    const Variable<T> x(fixture.get<T>(path + "x"), true);
    const auto loss =
        cross_entropy(x, fixture.get<Index>(path + "labels"), {.label_smoothing = smoothing});
    require_close(loss.value(), fixture.get<T>(path + "y"), tolerance);
    loss.backward(fixture.get<T>(path + "dy"));
    require_close(x.grad(), fixture.get<T>(path + "dx"), tolerance);
  }
}

Tensor<Index> some_labels(Index rows, Index classes) {
  Random random(3);
  Tensor<Index> labels({rows});
  for (Index& label : labels.mutable_span()) {
    label = random.below(classes);
  }
  return labels;
}

}  // namespace

TEST_CASE("cross-entropy agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("cross-entropy has the gradients of its values") {
  for (const double smoothing : {0.0, 0.2}) {
    const auto labels = some_labels(5, 11);
    const auto result = gradcheck(
        [&](const auto& v) {
          return std::vector{cross_entropy(v[0], labels, {.label_smoothing = smoothing})};
        },
        {random_tensor<double>({5, 11}, 1)});
    INFO(result.log);
    CHECK(result);
  }
}

TEMPLATE_TEST_CASE("cross-entropy stays finite and exact for extreme logits", "", float, double) {
  using T = TestType;
  const Tensor<T> x({2, 3}, {1000, 0, -1000, T(1e30), T(1e30), T(1e30)});
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {0, 2})).item() ==
        Approx(std::log(3.0) / 2).epsilon(1e-6));
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {2, 0})).item() ==
        Approx(1000 + std::log(3.0) / 2).epsilon(1e-6));
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {0, 2}), {.label_smoothing = 0.3}).item() ==
        Approx((0.3 * 1000 + std::log(3.0)) / 2).epsilon(1e-6));
}

TEST_CASE("cross-entropy gives the same bits for any number of threads") {
  const Variable<float> x(random_tensor<float>({1003, 17}, 1), true);
  const auto labels = some_labels(1003, 17);
  const auto run = [&](int threads) {
    set_threads(threads);
    x.edge().gradient() = {};
    const auto loss = cross_entropy(x, labels, {.label_smoothing = 0.1});
    loss.backward();
    set_threads(0);
    return std::pair{loss.item(), x.grad()};
  };
  const auto [loss, gradient] = run(1);
  for (const int threads : {2, 3}) {
    CHECK(run(threads).first == loss);
    require_close(run(threads).second, gradient, 0);
  }
}

TEST_CASE("cross-entropy says what it expected and what came") {
  const Variable<float> x(Tensor<float>::ones({2, 3}));
  CHECK_THROWS_WITH(cross_entropy(x, Tensor<Index>({2}, {0, 3})),
                    "cross_entropy: expected labels of 0 to 2, got 3 in row 1");
  CHECK_THROWS_WITH(cross_entropy(x, Tensor<Index>({2}, {-1, 0})),
                    "cross_entropy: expected labels of 0 to 2, got -1 in row 0");
  CHECK_THROWS_WITH(cross_entropy(x, Tensor<Index>({3}, {0, 1, 2})),
                    "cross_entropy: expected labels of shape (2,), got (3,)");
  CHECK_THROWS_AS(cross_entropy(x, Tensor<Index>()), ShapeError);
  CHECK_THROWS_WITH(cross_entropy<float>(Tensor<float>({0, 3}), Tensor<Index>({0})),
                    "cross_entropy: expected logits (N, K), got (0, 3)");
  CHECK_THROWS_WITH(cross_entropy(x, Tensor<Index>({2}, {0, 1}), {.label_smoothing = 1.5}),
                    "cross_entropy: expected a smoothing of 0 to 1, got 1.5");
}

TEST_CASE("labels changed before backward are noticed") {
  const Variable<float> x(Tensor<float>::ones({2, 3}), true);
  Tensor<Index> labels({2}, {0, 1});
  const auto loss = cross_entropy(x, labels);
  labels.mutable_at(0) = 2;
  CHECK_THROWS_AS(loss.backward(), GraphError);
}
