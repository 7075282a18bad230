#include "cnnrnn/nn/lstm.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/nn/gru.hpp"
#include "cnnrnn/nn/rnn.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"
#include "support/recurrent_fixture.hpp"

using namespace cnnrnn;

namespace {

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("lstm");
  for (const std::string name :
       {"plain", "bidirectional", "two_layers", "two_layers_bidirectional", "one_sequence",
        "one_step", "only_h", "time_first", "lengths", "lengths_two_layers_bidirectional"}) {
    const RecurrentCase<T> c(fixture, name);
    Random random(1);
    nn::Lstm<T> lstm(
        c.features(), c.units(),
        {.layers = c.layers(), .bidirectional = c.bidirectional(), .batch_first = c.batch_first()},
        random);
    c.load(lstm);
    const Variable<T> x(c.get("x"), true);
    const LstmStates<T> initial{c.leaf("h0"), c.leaf("c0")};
    const auto output = lstm(x, initial, c.lengths());
    auto inputs = lstm.named_parameters();
    inputs.insert(inputs.end(), {{"x", x}, {"h0", initial.h}, {"c0", initial.c}});
    c.compare({{"y", output.y}, {"h", output.h}, {"c", output.c}}, inputs, tolerance);
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

TEST_CASE("Lstm has peepholes that start at zero") {
  Random random(1);
  nn::Lstm<double> lstm(3, 4, {.bidirectional = true, .peepholes = true}, random);
  const auto parameters = lstm.named_parameters();
  REQUIRE(parameters.size() == 14);
  CHECK(parameters[4].first == "weight_ci_l0");
  CHECK(parameters[5].first == "weight_cf_l0");
  CHECK(parameters[6].first == "weight_co_l0");
  CHECK(parameters[13].first == "weight_co_l0_reverse");
  require_close(parameters[6].second.value(), Tensor<double>::zeros({4}), 0);
  CHECK(lstm.describe() == "Lstm(3, 4, layers 1, bidirectional, peepholes)");
}

TEST_CASE("Lstm drops out between its layers, in training only") {
  Random random(1);
  nn::Lstm<double> lstm(3, 4, {.layers = 2, .batch_first = false, .dropout = 0.5}, random);
  CHECK(lstm.describe() == "Lstm(3, 4, layers 2, time first, dropout 0.5)");
  const Variable<double> x(random_tensor<double>({5, 2, 3}, 1));
  const auto first = lstm(x).y.value().clone();
  CHECK(first.shape() == Shape{5, 2, 4});
  const auto second = lstm(x).y.value().clone();
  CHECK_FALSE(std::equal(first.span().begin(), first.span().end(), second.span().begin()));
  lstm.eval();
  const auto plain = lstm(x).y.value();
  require_close(lstm(x).y.value(), plain, 0);
}

namespace {

/// Values outside training, where packed weights are kept, are those of training, now and after the
/// weights have changed.
template <class Layer>
void check_kept_weights(Layer layer) {
  const Variable<double> x(random_tensor<double>({3, 20, 5}, 1));
  const auto check = [&] {
    const auto expected = layer(x).y.value();
    const NoGradGuard no_grad;
    require_close(layer(x).y.value(), expected, 1e-12);
    require_close(layer(x).y.value(), expected, 1e-12);
  };
  layer.eval();
  check();
  for (auto& [name, parameter] : layer.named_parameters()) {
    CAPTURE(name);
    parameter.mutable_value().mutable_data()[1] += 0.5;
    check();
  }
  const Layer copy = layer;
  layer.train();
  const auto expected = layer(x).y.value();
  const NoGradGuard no_grad;
  Layer other = copy;
  require_close(other(x).y.value(), expected, 1e-12);
}

}  // namespace

TEST_CASE("recurrent layers keep packed weights outside training until these change") {
  Random random(1);
  check_kept_weights(
      nn::Lstm<double>(5, 18, {.layers = 2, .bidirectional = true, .peepholes = true}, random));
  check_kept_weights(nn::Gru<double>(5, 18, random));
  check_kept_weights(nn::Gru<double>(5, 18, {.linear_before_reset = false}, random));
  check_kept_weights(nn::Rnn<double>(5, 18, {.nonlinearity = RnnNonlinearity::relu}, random));
}
