#include <algorithm>
#include <string>
#include <vector>

#include "cnnrnn/io/checkpoint.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/optim/exponential_moving_average.hpp"
#include "cnnrnn/optim/lookahead.hpp"
#include "cnnrnn/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;

namespace {

/// A network with buffers, and one of its layers twice.
class Network : public nn::Module<double> {
 public:
  void visit(nn::Visitor<double>& visitor) override {
    visitor("first", linear_);
    visitor("norm", norm_);
    visitor("again", linear_);
  }
  std::string describe() const override { return "Network"; }

  void step(std::uint64_t seed) {
    norm_(linear_(Variable<double>(random_tensor<double>({5, 4}, seed))))
        .backward(random_tensor<double>({5, 4}, seed + 1));
    sgd_.step();
    sgd_.zero_grad();
  }

  optim::Sgd<double>& optimizer() { return sgd_; }

 private:
  Random random_{1};
  nn::Linear<double> linear_{4, 4, random_};
  nn::BatchNorm1d<double> norm_{4};
  optim::Sgd<double> sgd_{parameters_of_both(), {.learning_rate = 0.1, .momentum = 0.9}};

  std::vector<Variable<double>> parameters_of_both() { return this->parameters(); }
};

void require_same(const nn::StateDict<double>& got, const nn::StateDict<double>& expected,
                  double tolerance = 0) {
  REQUIRE(got.tensors.size() == expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    INFO(name);
    require_close(got.tensors.at(name), tensor, tolerance);
  }
  for (const auto& [name, counter] : expected.counters) {
    CHECK(got.counters.at(name).item() == counter.item());
  }
}

/// a + share (b - a) of every tensor
nn::StateDict<double> between(const nn::StateDict<double>& a, const nn::StateDict<double>& b,
                              double share) {
  auto result = b.clone();
  for (auto& [name, tensor] : result.tensors) {
    const double* const from = a.tensors.at(name).data();
    std::transform(from, from + tensor.size(), tensor.data(), tensor.mutable_data(),
                   [share](double x, double y) { return x + share * (y - x); });
  }
  return result;
}

}  // namespace

TEST_CASE("an exponential moving average is PyTorch's") {
  const Fixture fixture("optim");
  Random random(1);
  nn::Linear<double> module(7, 3, {.bias = false}, random);
  auto parameters = module.parameters();
  Tensor<double>& weight = parameters[0].mutable_value();
  weight.copy_from(fixture.get<double>("start/a"));
  optim::ExponentialMovingAverage<double> average(module, {.decay = 0.9});
  const auto all = fixture.get<double>("gradients/a");
  for (std::size_t step = 0; step < 20; ++step) {
    weight.copy_from(Tensor<double>({3, 7}, all.span().subspan(step * 21, 21)));
    average.update();
  }
  require_close(average.state().tensors.at("weight"), fixture.get<double>("average"), 1e-12);
}

TEST_CASE("an average follows parameters and buffers, and goes into the module and out again") {
  Network network;
  optim::ExponentialMovingAverage<double> average(network, {.decay = 0.75});
  auto expected = nn::state_dict(network).clone();
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    network.step(seed);
    average.update();
    expected = between(expected, nn::state_dict(network), 0.25);
  }
  require_same(average.state(), expected, 1e-14);
  const auto own = nn::state_dict(network).clone();
  const auto followed = average.state().clone();
  {
    const auto swapped = average.swapped_in();
    require_same(nn::state_dict(network), followed);
  }
  require_same(nn::state_dict(network), own);
  require_same(average.state(), followed);
  average.update(0);
  require_same(average.state(), own, 1e-14);
}

TEST_CASE("Lookahead pulls the module back to its slow weights") {
  Network network;
  optim::Lookahead<double> lookahead(network, {.every = 2, .share = 0.25});
  auto slow = nn::state_dict(network).clone();
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    network.step(seed);
    auto expected = nn::state_dict(network).clone();
    if (seed % 2 == 0) {
      slow = between(slow, expected, 0.25);
      expected = slow;
    }
    lookahead.step();
    require_same(nn::state_dict(network), expected, 1e-14);
  }
  lookahead.synchronise(0);
  slow.counters = nn::state_dict(network).counters;
  require_same(nn::state_dict(network), slow, 1e-14);
}

TEST_CASE("averages go on from a checkpoint, bit for bit") {
  const TemporaryFolder folder;
  const auto path = folder.file("resume.safetensors");
  struct Run {
    Network network;
    optim::ExponentialMovingAverage<double> average;
    optim::Lookahead<double> lookahead;

    Run() : average(network, {.decay = 0.9}), lookahead(network, {.every = 3}) {}

    void step(std::uint64_t seed) {
      network.step(seed);
      lookahead.step();
      average.update();
    }
  };
  Run first;
  first.step(1);
  first.step(2);
  io::RunState run;
  io::put_state(run, "average/", first.average.state());
  io::put_state(run, "lookahead/", first.lookahead.state());
  io::save_checkpoint(path, first.network, first.network.optimizer(), "run", run);

  Run second;
  io::load_checkpoint(path, second.network, second.network.optimizer(), "run",
                      [&](const io::RunState& saved) {
                        second.average.load_state(io::take_state<double>(saved, "average/"));
                        second.lookahead.load_state(io::take_state<double>(saved, "lookahead/"));
                      });
  for (auto* each : {&first, &second}) {
    each->step(3);
    each->step(4);
  }
  require_same(nn::state_dict(second.network), nn::state_dict(first.network));
  require_same(second.average.state(), first.average.state());
  require_same(second.lookahead.state(), first.lookahead.state());
  CHECK(second.lookahead.state().counters.at("lookahead.steps").item() == 4);
}

TEST_CASE("averages refuse options out of range and states that do not fit") {
  Network network;
  optim::ExponentialMovingAverage<double> average(network);
  optim::Lookahead<double> lookahead(network);
  const auto state = average.state().clone();
  const auto without = [&] {
    auto bad = state;
    bad.tensors.erase("norm.weight");
    return bad;
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>([&] { optim::ExponentialMovingAverage<double>(network, {.decay = 1.5}); },
                         "ExponentialMovingAverage: expected a decay of 0 to 1, got 1.5"),
      throws<ValueError>([&] { optim::Lookahead<double>(network, {.every = 0}); },
                         "Lookahead: expected a positive every, got 0"),
      throws<ValueError>([&] { lookahead.synchronise(-1); },
                         "Lookahead: expected a share of 0 to 1, got -1"),
      throws<ValueError>([&] { average.load_state(without()); },
                         "ExponentialMovingAverage: expected the state of Network, got 1 missing: "
                         "norm.weight"),
      throws<ValueError>([&] { lookahead.load_state(state); },
                         "Lookahead: expected a state with lookahead.steps, got none")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
  require_same(average.state(), state);
}
