#include "cnnrnn/optim/muon.hpp"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/optim/adam.hpp"
#include "cnnrnn/optim/combined.hpp"
#include "cnnrnn/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

using namespace cnnrnn;

namespace {

/// The steps of tests/fixtures/generate/muon.py; matrix a may have further axes.
template <class T>
void check_steps(const std::string& name, const optim::MuonOptions& options,
                 const Shape& shape_of_a = {3, 7}) {
  INFO(name);
  const Fixture fixture("muon");
  Variable<T> a(fixture.get<T>("start/a").clone().reshape(shape_of_a), true);
  Variable<T> b(fixture.get<T>("start/b").clone(), true);
  optim::Muon<T> muon({a, b}, options);
  const auto all_a = fixture.get<T>("gradients/a");
  const auto all_b = fixture.get<T>("gradients/b");
  for (std::size_t step = 0; step < 20; ++step) {
    a.set_grad(Tensor<T>(a.shape(), all_a.span().subspan(step * 21, 21)));
    b.set_grad(Tensor<T>(b.shape(), all_b.span().subspan(step * 40, 40)));
    muon.step();
  }
  const double tolerance = std::is_same_v<T, double> ? 1e-9 : 1e-4;
  require_close(a.value().reshape({3, 7}), fixture.get<T>(name + "/a"), tolerance);
  require_close(b.value(), fixture.get<T>(name + "/b"), tolerance);
}

/// A matrix, a filter and a bias under Muon and Adam together.
struct Together {
  std::vector<Variable<float>> parameters = {{random_tensor<float>({6, 5}, 1), true},
                                             {random_tensor<float>({4, 3, 2, 2}, 2), true},
                                             {random_tensor<float>({6}, 3), true}};
  optim::Combined<float> both{
      std::make_unique<optim::Muon<float>>(std::vector{parameters[0], parameters[1]}),
      std::make_unique<optim::AdamW<float>>(std::vector<optim::ParameterGroup<float>>{
          {.parameters = {parameters[2]},
           .schedule = [](Index step) { return 1.0 / (1 + double(step)); }}})};

  void step(std::uint64_t seed) {
    both.zero_grad();
    for (auto& parameter : parameters) {
      parameter.set_grad(random_tensor<float>(parameter.shape(), seed++));
    }
    both.step();
  }
};

}  // namespace

TEMPLATE_TEST_CASE("Muon takes PyTorch's steps", "", float, double) {
  check_steps<TestType>("plain", {.learning_rate = 0.05, .nesterov = false, .weight_decay = 0});
  check_steps<TestType>("nesterov",
                        {.learning_rate = 0.05, .momentum = 0.8, .weight_decay = 0.2, .steps = 4});
  check_steps<TestType>("match_rms_adamw", {.learning_rate = 0.05,
                                            .coefficients = {2, -1.5, 0.5},
                                            .scaling = optim::MuonScaling::match_rms_adamw});
  check_steps<TestType>("spectral_unclamped",
                        {.learning_rate = 0.05, .scaling = optim::MuonScaling::spectral_unclamped},
                        {3, 1, 7, 1});
}

TEST_CASE("Muon's direction is orthogonal, whichever side is longer") {
  for (const Shape& shape : {Shape{5, 70}, Shape{70, 5}, Shape{20, 3, 3, 3}}) {
    CAPTURE(shape);
    Variable<double> w(Tensor<double>::zeros(shape), true);
    optim::Muon<double> muon({w}, {.learning_rate = 1,
                                   .weight_decay = 0,
                                   .steps = 40,
                                   .coefficients = {1.875, -1.25, 0.375},  // which converges
                                   .scaling = optim::MuonScaling::none});
    w.set_grad(random_tensor<double>(shape, 1));
    muon.step();
    double squares = 0;
    for (const double value : w.value().span()) {
      squares += value * value;
    }
    const Index columns = shape.size() / shape[0];
    CHECK(squares == Approx(static_cast<double>(std::min(shape[0], columns))));
  }
}

TEST_CASE("a step of Muon is bitwise the same for any number of threads") {
  const auto run = [](int thread_count) {
    set_threads(thread_count);
    Variable<float> w(random_tensor<float>({96, 64, 3, 3}, 1), true);
    optim::Muon<float> muon({w});
    for (std::uint64_t step = 2; step < 4; ++step) {
      w.set_grad(random_tensor<float>(w.shape(), step));
      muon.step();
    }
    set_threads(0);
    return w.value();
  };
  const auto one = run(1);
  CHECK(same_bytes(run(2), one));
  CHECK(same_bytes(run(3), one));
}

TEST_CASE("Muon describes itself, and refuses what it cannot do") {
  const std::vector<Variable<float>> w = {{Tensor<float>::ones({2, 3}), true}};
  CHECK(optim::Muon<float>(w).describe() ==
        "Muon(momentum 0.95, nesterov, 5 steps, coefficients 3.4445 -4.775 2.0315, epsilon 1e-07, "
        "scaling original; 1 parameters: learning rate 0.001, weight decay 0.1)");
  const auto muon = [&](const optim::MuonOptions& options) {
    return [=] { optim::Muon<float>(w, options); };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>(muon({.momentum = 1}), "Muon: expected a momentum in [0, 1), got 1"),
      throws<ValueError>(muon({.steps = 100}), "Muon: expected 0 to 99 steps, got 100"),
      throws<ValueError>(muon({.epsilon = 0}), "Muon: expected a positive epsilon, got 0"),
      throws<ValueError>(
          [] { optim::Muon<float>{{Variable<float>(Tensor<float>::ones({3}), true)}}; },
          "Muon: expected weights (O, ...) of rank 2 or more, got one of shape (3,)")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("combined optimizers do what each does by itself") {
  Together combined;
  Together apart;
  optim::Muon<float> muon({apart.parameters[0], apart.parameters[1]});
  optim::AdamW<float> adam({apart.parameters[2]});
  CHECK(combined.both.groups() == 2);
  CHECK(combined.both.parameters().size() == 3);
  CHECK(combined.both.describe() ==
        "Combined(" + muon.describe() + ", " +
            adam.describe().insert(adam.describe().size() - 1, ", scheduled") + ")");
  combined.both.set_learning_rate_factor(0.5);
  combined.both.set_learning_rate_factor(0.25, 1);
  muon.set_learning_rate_factor(0.5);
  for (const int step : {0, 1}) {
    combined.step(10);
    for (std::size_t i = 0; i < 3; ++i) {
      apart.parameters[i].set_grad(random_tensor<float>(apart.parameters[i].shape(), 10 + i));
    }
    adam.set_learning_rate_factor(0.125 / (1 + step));
    muon.step();
    adam.step();
  }
  CHECK(combined.both.learning_rate() == muon.learning_rate());
  CHECK(combined.both.learning_rate(1) == Approx(1e-3 * 0.125 / 3));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(same_bytes(combined.parameters[i].value(), apart.parameters[i].value()));
  }
  combined.both.zero_grad();
  CHECK_FALSE(combined.parameters[2].grad().defined());
}

TEST_CASE("combined optimizers go on from a saved state, bit for bit") {
  Together first;
  first.step(10);
  const auto state = first.both.state();
  CHECK(state.steps == std::map<std::string, Index>{
                           {"0.step", 1}, {"1.step", 1}, {"2.step", 1}, {"all1.step", 1}});
  CHECK(state.tensors.size() == 4);
  CHECK(state.tensors.contains("2.exp_avg"));
  Together second;
  for (std::size_t i = 0; i < 3; ++i) {
    second.parameters[i].mutable_value().copy_from(first.parameters[i].value());
  }
  second.both.load_state(state);
  for (const std::uint64_t seed : {20U, 30U}) {
    first.step(seed);
    second.step(seed);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(same_bytes(first.parameters[i].value(), second.parameters[i].value()));
  }
}

TEST_CASE("combined optimizers that are combined again go on from a saved state") {
  struct Nested {
    Variable<float> matrix{random_tensor<float>({6, 5}, 1), true};
    Variable<float> bias{random_tensor<float>({6}, 2), true};
    Variable<float> more{random_tensor<float>({4}, 3), true};
    std::vector<optim::ParameterGroup<float>> scheduled(const Variable<float>& parameter) const {
      return {{.parameters = {parameter},
               .schedule = [](Index step) { return 1.0 / (1 + double(step)); }}};
    }
    optim::Combined<float> all{
        std::make_unique<optim::Combined<float>>(
            std::make_unique<optim::Muon<float>>(std::vector{matrix}),
            std::make_unique<optim::AdamW<float>>(scheduled(bias))),
        std::make_unique<optim::Sgd<float>>(scheduled(more), optim::SgdOptions{})};

    void step(std::uint64_t seed) {
      for (auto& parameter : all.parameters()) {
        Variable<float>(parameter).set_grad(random_tensor<float>(parameter.shape(), seed++));
      }
      all.step();
    }
  };
  Nested first;
  first.step(10);
  const auto state = first.all.state();
  CHECK(state.steps.contains("all0-1.step"));
  CHECK(state.steps.contains("all1.step"));
  Nested second;
  for (std::size_t i = 0; i < 3; ++i) {
    second.all.parameters()[i].mutable_value().copy_from(first.all.parameters()[i].value());
  }
  second.all.load_state(state);
  first.step(20);
  second.step(20);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(same_bytes(first.all.parameters()[i].value(), second.all.parameters()[i].value()));
  }
}

TEST_CASE("combined optimizers refuse what does not fit, and keep what they have") {
  Together together;
  together.step(10);
  const auto good = together.both.state();
  const Variable<float> w(Tensor<float>::ones({2}), true);
  const auto load = [&](const auto& change) {
    return [&, change] {
      auto bad = good;
      change(bad);
      together.both.load_state(bad);
    };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>(load([](auto& s) { s.tensors.erase("2.exp_avg"); }),
                         "AdamW: expected a state with 0.exp_avg, got none"),
      throws<ValueError>(load([](auto& s) { s.steps["3.step"] = 1; }),
                         "Combined: expected the state of 3 parameters, got one with 3.step"),
      throws<ValueError>(load([](auto& s) { s.steps.erase("all1.step"); }),
                         "AdamW: expected a state with all.step, got none"),
      throws<ValueError>([&] { together.both.set_learning_rate_factor(1, 2); },
                         "Combined: expected a group below 2, got group 2"),
      throws<ValueError>(
          [&] {
            optim::Combined<float>(std::make_unique<optim::Sgd<float>>(std::vector{w}),
                                   std::make_unique<optim::Sgd<float>>(std::vector{w}));
          },
          "Combined: expected every parameter in one optimizer, got one of shape (2,) in two"),
      throws<ValueError>([] { optim::Combined<float>(std::unique_ptr<optim::Sgd<float>>()); },
                         "Combined: expected optimizers, got a null pointer")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
  CHECK(together.both.state().steps == good.steps);
  CHECK(same_bytes(together.both.state().tensors.at("0.momentum_buffer"),
                   good.tensors.at("0.momentum_buffer")));
}
