#include "cnnrnn/nn/gru.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "support/recurrent_fixture.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("gru");
  for (const std::string name :
       {"bidirectional", "two_layers_bidirectional", "lengths_two_layers_bidirectional"}) {
    const RecurrentCase<T> c(fixture, name);
    Random random(1);
    nn::Gru<T> gru(c.features(), c.units(),
                   {.layers = c.layers(), .bidirectional = c.bidirectional()}, random);
    c.load(gru);
    const Variable<T> x(c.get("x"), true);
    const auto h0 = c.leaf("h0");
    const auto output = gru(x, h0, c.lengths());
    auto inputs = gru.named_parameters();
    inputs.insert(inputs.end(), {{"x", x}, {"h0", h0}});
    c.compare({{"y", output.y}, {"h", output.h}}, inputs, tolerance);
  }
}

}  // namespace

TEST_CASE("Gru agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("Gru owns the parameters of PyTorch's GRU, in its order") {
  Random random(1);
  nn::Gru<float> gru(3, 4, {.layers = 2, .bidirectional = true}, random);
  const auto parameters = gru.named_parameters();
  REQUIRE(parameters.size() == 16);
  CHECK(parameters[0].first == "weight_ih_l0");
  CHECK(parameters[7].first == "bias_hh_l0_reverse");
  CHECK(parameters[0].second.shape() == Shape{12, 3});
  CHECK(parameters[8].second.shape() == Shape{12, 8});
  CHECK(gru.describe() == "Gru(3, 4, layers 2, bidirectional)");
}

TEST_CASE("Gru may be of the original form") {
  Random random(1);
  nn::Gru<double> gru(3, 4, {.linear_before_reset = false}, random);
  CHECK(gru.describe() == "Gru(3, 4, layers 1, original)");
  Random again(1);
  nn::Gru<double> other(3, 4, again);
  const Variable<double> x(random_tensor<double>({2, 3, 3}, 1));
  const auto y = gru(x).y.value();
  CHECK(std::abs(y(0, 2, 0) - other(x).y.value()(0, 2, 0)) > 1e-6);
}
