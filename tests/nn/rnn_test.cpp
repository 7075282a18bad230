#include "cnnrnn/nn/rnn.hpp"

#include <cmath>
#include <string>

#include "support/catch.hpp"
#include "support/recurrent_fixture.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture(const std::string& prefix, RnnNonlinearity nonlinearity, double tolerance) {
  const Fixture fixture("rnn");
  for (const std::string name :
       {"bidirectional", "two_layers_bidirectional", "lengths_two_layers_bidirectional"}) {
    const RecurrentCase<T> c(fixture, prefix + name);
    Random random(1);
    nn::Rnn<T> rnn(
        c.features(), c.units(),
        {.layers = c.layers(), .bidirectional = c.bidirectional(), .nonlinearity = nonlinearity},
        random);
    c.load(rnn);
    const Variable<T> x(c.get("x"), true);
    const auto h0 = c.leaf("h0");
    const auto output = rnn(x, h0, c.lengths());
    auto inputs = rnn.named_parameters();
    inputs.insert(inputs.end(), {{"x", x}, {"h0", h0}});
    c.compare({{"y", output.y}, {"h", output.h}}, inputs, tolerance);
  }
}

}  // namespace

TEST_CASE("Rnn agrees with PyTorch, values and gradients") {
  compare_fixture<double>("", RnnNonlinearity::tanh, 1e-9);
  compare_fixture<float>("", RnnNonlinearity::tanh, 1e-4);
  compare_fixture<double>("relu/", RnnNonlinearity::relu, 1e-9);
  compare_fixture<float>("relu/", RnnNonlinearity::relu, 1e-4);
}

TEST_CASE("Rnn owns the parameters of PyTorch's RNN") {
  Random random(1);
  nn::Rnn<float> rnn(3, 4, {.bias = false, .nonlinearity = RnnNonlinearity::relu}, random);
  const auto parameters = rnn.named_parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].first == "weight_ih_l0");
  CHECK(parameters[0].second.shape() == Shape{4, 3});
  CHECK(parameters[1].second.shape() == Shape{4, 4});
  CHECK(rnn.describe() == "Rnn(3, 4, layers 1, no bias, relu)");
}

TEST_CASE("an IRNN starts from the identity") {
  Random random(1);
  nn::Rnn<double> rnn(400, 20, {.bidirectional = true, .nonlinearity = RnnNonlinearity::relu},
                      random);
  nn::init_irnn(rnn, random);
  for (const auto& [name, parameter] : rnn.named_parameters()) {
    CAPTURE(name);
    const auto& value = parameter.value();
    double squares = 0;
    for (const double element : value.span()) {
      squares += element * element;
    }
    if (name.starts_with("weight_hh")) {
      CHECK(squares == 20);
      CHECK(value(3, 3) == 1);
      CHECK(value(3, 4) == 0);
    } else if (name.starts_with("weight_ih")) {
      CHECK(std::sqrt(squares / 8000) == Approx(0.01).epsilon(0.05));
    } else {
      CHECK(squares == 0);
    }
  }
}
