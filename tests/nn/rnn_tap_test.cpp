#include "cnnrnn/nn/rnn_tap.hpp"

#include <string>
#include <vector>

#include "cnnrnn/nn/state_dict.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
nn::RnnTap<T> make_tap(const nn::RnnTapOptions& options, const std::string& cell = "lstm") {
  Random random(1);
  return cell == "gru"    ? nn::RnnTap<T>(nn::GruRows<T>(options, random))
         : cell == "irnn" ? nn::RnnTap<T>(nn::IrnnRows<T>(options, random))
                          : nn::RnnTap<T>(nn::LstmRows<T>(options, random));
}

/// The tap of a fixture's case, with its state: names, shapes and values.
template <class T>
nn::RnnTap<T> tap_of(const Fixture& fixture, const std::string& name) {
  const auto x = fixture.get<T>(name + "/x");
  const auto options = fixture.get<Index>(name + "/options");
  auto tap = make_tap<T>({.channels = x.dim(3),
                          .height = x.dim(1),
                          .width = x.dim(2),
                          .patch = options(0),
                          .units = options(1)},
                         name);
  nn::StateDict<T> state;
  const std::string prefix = name + "/state/";
  for (const auto& [key, tensor] : fixture.file().tensors) {
    if (key.starts_with(prefix) && key.ends_with("num_batches_tracked")) {
      state.counters[key.substr(prefix.size())] = fixture.get<Index>(key);
    } else if (key.starts_with(prefix)) {
      state.tensors[key.substr(prefix.size())] = fixture.get<T>(key);
    }
  }
  nn::load_state_dict(tap, state);
  return tap;
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("rnn_tap");
  for (const std::string name : {"rows", "one_patch", "pixels", "gru", "irnn"}) {
    CAPTURE(name);
    auto tap = tap_of<T>(fixture, name);
    const Variable<T> x(fixture.get<T>(name + "/x"), true);
    const auto y = tap(x);
    require_close(y.value(), fixture.get<T>(name + "/y"), tolerance);
    y.backward(fixture.get<T>(name + "/dy"));
    require_close(x.grad(), fixture.get<T>(name + "/dx"), tolerance);
    for (const auto& [key, parameter] : tap.named_parameters()) {
      CAPTURE(key);
      require_close(parameter.grad(), fixture.get<T>(to_message(name, "/gradient/", key)),
                    tolerance);
    }
    auto state = nn::state_dict(tap).tensors;
    require_close(state.at("bn.running_mean"), fixture.get<T>(name + "/running_mean"), tolerance);
    require_close(state.at("bn.running_var"), fixture.get<T>(name + "/running_var"), tolerance);
    tap.eval();
    require_close(tap(x).value(), fixture.get<T>(name + "/y_eval"), tolerance);
  }
}

}  // namespace

TEST_CASE("taps agree with PyTorch in training and evaluation") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("the LSTM tap has the size and the parameters of the paper's models") {
  auto tap = make_tap<float>({.channels = 32, .height = 16, .width = 16, .patch = 4, .units = 32});
  CHECK(tap.features() == 256);
  CHECK(tap(Variable<float>(Tensor<float>::ones({2, 16, 16, 32}))).shape() == Shape{2, 256});
  constexpr Index lstm = Index{2} * 128 * (512 + 32 + 2);
  CHECK(tap.rnn().parameter_count() == lstm);
  CHECK(tap.parameter_count() == lstm + 512);
  CHECK(tap.rnn().describe() == "LstmRows(patch 4x4, Lstm(512, 32, layers 1, bidirectional))");
  CHECK(tap.named_parameters().front().first == "rnn.weight_ih_l0");
}

TEST_CASE("taps may read with a GRU or an IRNN") {
  const nn::RnnTapOptions options{
      .channels = 32, .height = 16, .width = 16, .patch = 4, .units = 32};
  auto gru = make_tap<float>(options, "gru");
  CHECK(gru.rnn().parameter_count() == Index{2} * 96 * (512 + 32 + 2));
  CHECK(gru.rnn().describe() == "GruRows(patch 4x4, Gru(512, 32, layers 1, bidirectional))");
  auto irnn = make_tap<float>(options, "irnn");
  CHECK(irnn.rnn().parameter_count() == Index{2} * 32 * (512 + 32 + 2));
  CHECK(irnn.rnn().describe() ==
        "IrnnRows(patch 4x4, Rnn(512, 32, layers 1, bidirectional, relu))");
  const auto parameters = irnn.rnn().named_parameters();
  CHECK(parameters[1].first == "weight_hh_l0");
  CHECK(parameters[1].second.value()(7, 7) == 1);
  CHECK(parameters[1].second.value()(7, 8) == 0);
}
