#include "cnnrnn/nn/lstm.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// An LSTM with the weights of a fixture's case.
template <class T>
nn::Lstm<T> lstm_of(const Fixture& fixture, const std::string& name) {
  const auto options = fixture.get<Index>(name + "/options");
  const auto weight_hh = fixture.get<T>(name + "/weight_hh_l0");
  Random random(1);
  nn::Lstm<T> lstm(fixture.get<T>(name + "/x").dim(2), weight_hh.dim(1),
                   {.layers = options(0), .bidirectional = options(1) == 1}, random);
  for (auto& [path, parameter] : lstm.named_parameters()) {
    parameter.mutable_value().copy_from(fixture.get<T>(to_message(name, '/', path)));
  }
  return lstm;
}

/// Backward from those of the outputs that the case has gradients of.
template <class T>
void backward_from(const LstmOutput<T>& output, const Fixture& fixture, const std::string& name) {
  std::vector<Edge<T>> roots;
  std::vector<Tensor<T>> gradients;
  for (const auto& [key, value] :
       {std::pair{"/dy", output.y}, {"/dh", output.h}, {"/dc", output.c}}) {
    if (fixture.has(name + key)) {
      roots.push_back(value.edge());
      gradients.push_back(fixture.get<T>(name + key));
    }
  }
  backward(roots, gradients);
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("lstm");
  for (const std::string name : {"plain", "bidirectional", "two_layers", "two_layers_bidirectional",
                                 "one_sequence", "one_step", "only_h"}) {
    CAPTURE(name);
    auto lstm = lstm_of<T>(fixture, name);
    std::vector<std::pair<std::string, Variable<T>>> inputs = lstm.named_parameters();
    const Variable<T> x(fixture.get<T>(name + "/x"), true);
    inputs.emplace_back("x", x);
    LstmStates<T> initial;
    if (fixture.has(name + "/h0")) {
      initial = {{fixture.get<T>(name + "/h0"), true}, {fixture.get<T>(name + "/c0"), true}};
      inputs.emplace_back("h0", initial.h);
      inputs.emplace_back("c0", initial.c);
    }
    const auto output = lstm(x, initial);
    require_close(output.y.value(), fixture.get<T>(name + "/y"), tolerance);
    require_close(output.h.value(), fixture.get<T>(name + "/h"), tolerance);
    require_close(output.c.value(), fixture.get<T>(name + "/c"), tolerance);
    backward_from(output, fixture, name);
    for (const auto& [key, input] : inputs) {
      CAPTURE(key);
      require_close(input.grad(), fixture.get<T>(to_message(name, "/d", key)), tolerance);
    }
  }
}

}  // namespace

TEST_CASE("Lstm agrees with PyTorch, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("Lstm owns the parameters of PyTorch's LSTM, in its order") {
  Random random(1);
  nn::Lstm<float> lstm(3, 4, {.layers = 2, .bidirectional = true}, random);
  const auto parameters = lstm.named_parameters();
  REQUIRE(parameters.size() == 16);
  CHECK(parameters[0].first == "weight_ih_l0");
  CHECK(parameters[1].first == "weight_hh_l0");
  CHECK(parameters[2].first == "bias_ih_l0");
  CHECK(parameters[3].first == "bias_hh_l0");
  CHECK(parameters[4].first == "weight_ih_l0_reverse");
  CHECK(parameters[8].first == "weight_ih_l1");
  CHECK(parameters[15].first == "bias_hh_l1_reverse");
  CHECK(parameters[0].second.shape() == Shape{16, 3});
  CHECK(parameters[8].second.shape() == Shape{16, 8});
  CHECK(lstm.describe() == "Lstm(3, 4, layers 2, bidirectional)");
  CHECK(nn::Lstm<float>(3, 4, random).parameter_count() == 16 * 3 + 16 * 4 + 32);
  nn::Lstm<float> without_bias(3, 4, {.bias = false}, random);
  CHECK(without_bias.parameter_count() == 16 * 3 + 16 * 4);
  CHECK(without_bias.describe() == "Lstm(3, 4, layers 1, no bias)");
}

TEST_CASE("Lstm starts uniform in 1 / sqrt(units)") {
  Random random(1);
  nn::Lstm<double> lstm(30, 25, random);
  for (const auto& [name, parameter] : lstm.named_parameters()) {
    CAPTURE(name);
    const auto values = parameter.value().span();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    CHECK(*least >= -0.2);
    CHECK(*most < 0.2);
    CHECK(*least < -0.18);
    CHECK(*most > 0.18);
  }
}

TEST_CASE("Lstm says which option is out of range") {
  Random random(1);
  CHECK_THROWS_WITH((nn::Lstm<float>(0, 4, random)),
                    "Lstm: expected positive features and units, got 0 and 4");
  CHECK_THROWS_WITH((nn::Lstm<float>(3, -4, random)), Contains("got 3 and -4"));
  CHECK_THROWS_WITH((nn::Lstm<float>(3, 4, {.layers = 0}, random)),
                    "Lstm: expected at least one layer, got 0");
}
