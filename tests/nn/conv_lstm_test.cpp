#include "cnnrnn/nn/conv_lstm.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/conv_lstm_rows.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// The state of a fixture's case under the names that PyTorch gives it.
template <class T>
nn::StateDict<T> state_of(const Fixture& fixture, const std::string& name) {
  nn::StateDict<T> state;
  const std::string prefix = name + "/state/";
  for (const auto& [key, tensor] : fixture.file().tensors) {
    if (key.starts_with(prefix) && key.ends_with("num_batches_tracked")) {
      state.counters[key.substr(prefix.size())] = fixture.get<Index>(key);
    } else if (key.starts_with(prefix)) {
      state.tensors[key.substr(prefix.size())] = fixture.get<T>(key);
    }
  }
  return state;
}

/// A ConvLSTM with the options and the state of a fixture's case.
template <class T>
nn::ConvLstm<T> conv_lstm_of(const Fixture& fixture, const std::string& name) {
  const auto options = fixture.get<Index>(name + "/options");
  const auto x = fixture.get<T>(name + "/x");
  Random random(1);
  nn::ConvLstm<T> conv_lstm(x.dim(4), options(5), {x.dim(2), x.dim(3)},
                            {.kernel = {options(3), options(4)},
                             .peepholes = static_cast<ConvLstmPeepholes>(options(0)),
                             .layers = options(1),
                             .bidirectional = options(2) == 2},
                            random);
  nn::load_state_dict(conv_lstm, state_of<T>(fixture, name));
  return conv_lstm;
}

template <class T>
void compare_gradients(nn::Module<T>& module, const Fixture& fixture, const std::string& name,
                       double tolerance) {
  for (const auto& [key, parameter] : module.named_parameters()) {
    CAPTURE(key);
    require_close(parameter.grad(), fixture.get<T>(to_message(name, "/gradient/", key)), tolerance);
  }
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("conv_lstm");
  for (const std::string name :
       {"none", "current", "previous", "two_layers", "lengths", "wide_kernel"}) {
    CAPTURE(name);
    const auto get = [&](const std::string& key) { return fixture.get<T>(name + '/' + key); };
    auto conv_lstm = conv_lstm_of<T>(fixture, name);
    const auto lengths = fixture.get<Index>(name + "/lengths");
    const Variable<T> x(get("x"), true);
    const ConvLstmStates<T> initial{{get("h0"), true}, {get("c0"), true}};
    const auto output = conv_lstm(x, initial, {lengths.span().begin(), lengths.span().end()});
    require_close(output.y.value(), get("y"), tolerance);
    require_close(output.h.value(), get("h"), tolerance);
    require_close(output.c.value(), get("c"), tolerance);
    backward<T>({output.y.edge(), output.h.edge(), output.c.edge()},
                {get("dy"), get("dh"), get("dc")});
    require_close(x.grad(), get("dx"), tolerance);
    require_close(initial.h.grad(), get("dh0"), tolerance);
    require_close(initial.c.grad(), get("dc0"), tolerance);
    compare_gradients(conv_lstm, fixture, name, tolerance);
  }
}

template <class T>
nn::RnnTap<T> make_tap(const nn::RnnTapOptions& options) {
  Random random(1);
  return nn::RnnTap<T>(nn::ConvLstmRows<T>(options, random));
}

template <class T>
void compare_tap(double tolerance) {
  const Fixture fixture("conv_lstm");
  auto tap = make_tap<T>({.channels = 2, .height = 8, .width = 12, .patch = 4, .units = 4});
  nn::load_state_dict(tap, state_of<T>(fixture, "tap"));
  const Variable<T> x(fixture.get<T>("tap/x"), true);
  const auto y = tap(x);
  require_close(y.value(), fixture.get<T>("tap/y"), tolerance);
  y.backward(fixture.get<T>("tap/dy"));
  require_close(x.grad(), fixture.get<T>("tap/dx"), tolerance);
  compare_gradients(tap, fixture, "tap", tolerance);
}

Variable<float> ones(const Shape& shape) { return {Tensor<float>::ones(shape)}; }

}  // namespace

TEST_CASE("ConvLstm agrees with a composition of PyTorch's convolutions, values and gradients") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("the ConvLSTM tap agrees with PyTorch") {
  compare_tap<double>(1e-9);
  compare_tap<float>(1e-3);  // a batch norm over three images enlarges what Winograd leaves
}

TEST_CASE("ConvLstm owns the parameters of a list of PyTorch's cells") {
  Random random(1);
  nn::ConvLstm<float> two(3, 4, {5, 6}, {.layers = 2, .bidirectional = true}, random);
  const auto parameters = two.named_parameters();
  REQUIRE(parameters.size() == 24);
  const std::vector<std::string> names{"0.ci",      "0.cf",        "0.co", "0.ih.weight",
                                       "0.ih.bias", "0.hh.weight", "1.ci"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(parameters[i].first == names[i]);
  }
  CHECK(parameters[0].second.shape() == Shape{4, 5, 6});
  CHECK(parameters[3].second.shape() == Shape{16, 3, 3, 3});
  CHECK(parameters[15].second.shape() == Shape{16, 8, 3, 3});
  CHECK(two.describe() ==
        "ConvLstm(3, 4, map 5x6, kernel 3x3, current peepholes, layers 2, bidirectional)");
  nn::ConvLstm<float> plain(
      3, 4, 5,
      {.kernel = {1, 3}, .peepholes = ConvLstmPeepholes::none, .bias = false, .batch_first = false},
      random);
  CHECK(plain.parameter_count() == 16 * 3 * 3 + 16 * 4 * 3);
  CHECK(plain.describe() ==
        "ConvLstm(3, 4, map 5x5, kernel 1x3, no peepholes, layers 1, time first, no bias)");
}

TEST_CASE("ConvLstm starts as PyTorch's convolutions do, its peepholes at zero") {
  Random random(1);
  nn::ConvLstm<double> conv_lstm(25, 4, 4, {.kernel = 1}, random);
  for (const auto& [name, parameter] : conv_lstm.named_parameters()) {
    CAPTURE(name);
    const auto values = parameter.value().span();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const double bound = name[2] == 'c' ? 0 : name == "0.hh.weight" ? 0.5 : 0.2;
    CHECK(*least >= -bound);
    CHECK(*most <= bound);
    CHECK(*most >= 0.7 * bound);
  }
}

TEST_CASE("ConvLstm takes time first") {
  Random random(1);
  Random same(1);
  nn::ConvLstm<double> batch_first(2, 3, 4, {.layers = 2}, random);
  nn::ConvLstm<double> time_first(2, 3, 4, {.layers = 2, .batch_first = false}, same);
  const Variable<double> x(random_tensor<double>({2, 3, 4, 4, 2}, 1));
  const auto expected = batch_first(x, {}, {3, 2});
  const auto got = time_first(permute(x, {1, 0, 2, 3, 4}), {}, {3, 2});
  require_close(got.y.value(), permute(expected.y, {1, 0, 2, 3, 4}).value(), 0);
  require_close(got.h.value(), expected.h.value(), 0);
}

TEST_CASE("ConvLstm drops outputs between its layers, in training only") {
  Random random(1);
  nn::ConvLstm<double> conv_lstm(2, 3, 4, {.layers = 2, .dropout = 0.5}, random);
  const Variable<double> x(random_tensor<double>({2, 3, 4, 4, 2}, 1));
  const auto first = conv_lstm(x);
  const auto second = conv_lstm(x);
  const auto states = first.h.value().size() / 2;
  const auto same = [&](Index at) {
    return std::memcmp(first.h.value().data() + at, second.h.value().data() + at,
                       static_cast<std::size_t>(states) * sizeof(double)) == 0;
  };
  CHECK(same(0));
  CHECK(!same(states));
  conv_lstm.eval();
  require_close(conv_lstm(x).y.value(), conv_lstm(x).y.value(), 0);
  CHECK(conv_lstm.describe() ==
        "ConvLstm(2, 3, map 4x4, kernel 3x3, current peepholes, layers 2, dropout 0.5)");
}

TEST_CASE("the ConvLSTM tap has the size and the parameters of the paper's models") {
  auto tap = make_tap<float>({.channels = 32, .height = 16, .width = 16, .patch = 4, .units = 32});
  CHECK(tap.features() == 4 * 2 * 8 * 16);
  CHECK(tap(ones({2, 16, 16, 32})).shape() == Shape{2, 1024});
  constexpr Index conv_lstm = Index{2} * (32 * 32 * 9 + 32 + 32 * 8 * 9 + 3 * 8 * 16);
  CHECK(tap.rnn().parameter_count() == conv_lstm);
  auto second = make_tap<float>({.channels = 64, .height = 8, .width = 8, .patch = 4, .units = 32});
  // cnn+convlstm: the plain network, both taps, and their features in the last dense layer.
  const Index features = tap.features() + second.features();
  CHECK(2168554 + tap.parameter_count() + second.parameter_count() + features * 10 == 2253162);
  CHECK(tap.rnn().describe() ==
        "ConvLstmRows(patch 4x4, ConvLstm(32, 8, map 4x4, kernel 3x3, current peepholes, layers 1, "
        "bidirectional))");
  CHECK(tap.named_parameters().front().first == "rnn.0.ci");
}
