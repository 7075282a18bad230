#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "cnnrnn/optim/parameter_groups.hpp"
#include "cnnrnn/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

using namespace cnnrnn;

namespace {

template <class T>
using Maker = std::function<std::unique_ptr<optim::Optimizer<T>>(Variable<T> a, Variable<T> b)>;

template <class T>
Tensor<T> slice(const Tensor<T>& all, Index index, const Shape& shape) {
  return Tensor<T>(shape, all.span().subspan(static_cast<std::size_t>(index * shape.size()),
                                             static_cast<std::size_t>(shape.size())));
}

/// The steps of tests/fixtures/generate/optim.py: b has no gradient in three of them.
template <class T>
void check_steps(const std::string& name, const Maker<T>& make) {
  INFO(name);
  const Fixture fixture("optim");
  const double tolerance = std::is_same_v<T, double> ? 1e-9 : 1e-4;
  Variable<T> a(fixture.get<T>("start/a"), true);
  Variable<T> b(fixture.get<T>("start/b"), true);
  const auto optimizer = make(a, b);
  for (Index step = 0; step < 20; ++step) {
    optimizer->zero_grad();
    a.set_grad(slice(fixture.get<T>("gradients/a"), step, a.shape()));
    if (step != 0 && step != 1 && step != 7) {
      b.set_grad(slice(fixture.get<T>("gradients/b"), step, b.shape()));
    }
    optimizer->step();
    if (step % 5 == 4) {
      require_close(a.value(), slice(fixture.get<T>(name + "/a"), step / 5, a.shape()), tolerance);
      require_close(b.value(), slice(fixture.get<T>(name + "/b"), step / 5, b.shape()), tolerance);
    }
  }
}

template <class T, template <class> class Kind, class Options>
void check_steps(const std::string& name, const Options& options) {
  check_steps<T>(name, [&](Variable<T> a, Variable<T> b) {
    return std::make_unique<Kind<T>>(std::vector<Variable<T>>{a, b}, options);
  });
}

/// Two steps of Adam on three parameters, the second of which has no gradient in the first step.
struct Small {
  std::vector<Variable<float>> parameters = {{random_tensor<float>({3, 5}, 1), true},
                                             {random_tensor<float>({4}, 2), true},
                                             {random_tensor<float>({}, 3), true}};
  optim::Adam<float> adam{parameters, {.weight_decay = 0.1}};

  void step(std::uint64_t seed, bool all = true) {
    adam.zero_grad();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (all || i != 1) {
        parameters[i].set_grad(random_tensor<float>(parameters[i].shape(), seed + i));
      }
    }
    adam.step();
  }
};

}  // namespace

TEMPLATE_TEST_CASE("Adam and AdamW take PyTorch's steps", "", float, double) {
  using T = TestType;
  for (const std::string decay : {"0.0", "0.1"}) {
    const double weight_decay = std::stod(decay);
    check_steps<T, optim::Adam>(
        "Adam/" + decay + "/0",
        optim::AdamOptions{.learning_rate = 0.05, .weight_decay = weight_decay});
    check_steps<T, optim::AdamW>(
        "AdamW/" + decay + "/0",
        optim::AdamWOptions{.learning_rate = 0.05, .weight_decay = weight_decay});
    check_steps<T, optim::Adam>("Adam/" + decay + "/1",
                                optim::AdamOptions{.learning_rate = 0.05,
                                                   .beta1 = 0.5,
                                                   .beta2 = 0.8,
                                                   .epsilon = 1e-3,
                                                   .weight_decay = weight_decay});
    check_steps<T, optim::AdamW>("AdamW/" + decay + "/1",
                                 optim::AdamWOptions{.learning_rate = 0.05,
                                                     .beta1 = 0.5,
                                                     .beta2 = 0.8,
                                                     .epsilon = 1e-3,
                                                     .weight_decay = weight_decay});
  }
}

TEMPLATE_TEST_CASE("Sgd takes PyTorch's steps", "", float, double) {
  for (const std::string decay : {"0.0", "0.1"}) {
    for (const std::string variant : {"0.0/0", "0.9/0", "0.9/1"}) {
      check_steps<TestType, optim::Sgd>(
          "Sgd/" + variant + "/" + decay,
          optim::SgdOptions{.learning_rate = 0.05,
                            .momentum = std::stod(variant.substr(0, 3)),
                            .weight_decay = std::stod(decay),
                            .nesterov = variant.back() == '1'});
    }
  }
}

TEMPLATE_TEST_CASE("groups have learning rates and weight decays of their own", "", float, double) {
  using T = TestType;
  check_steps<T>("groups", [](Variable<T> a, Variable<T> b) {
    return std::make_unique<optim::Adam<T>>(
        std::vector<optim::ParameterGroup<T>>{
            {.parameters = {a}}, {.parameters = {b}, .learning_rate = 0.2, .weight_decay = 0.3}},
        optim::AdamOptions{.learning_rate = 0.01});
  });
}

TEST_CASE("a step is bitwise the same for any number of threads") {
  const auto run = [](int thread_count) {
    set_threads(thread_count);
    Variable<float> w(random_tensor<float>({3, 20001}, 1), true);
    optim::Adam<float> adam({w}, {.weight_decay = 0.1});
    optim::Sgd<float> sgd({w}, {.momentum = 0.9, .nesterov = true});
    for (std::uint64_t step = 2; step < 5; ++step) {
      w.set_grad(random_tensor<float>(w.shape(), step));
      adam.step();
      sgd.step();
    }
    set_threads(0);
    return w.value();
  };
  const auto one = run(1);
  CHECK(same_bytes(run(2), one));
  CHECK(same_bytes(run(3), one));
}

TEST_CASE("an optimizer passes over frozen parameters, and goes on when they are free") {
  Small plain;
  Small frozen;
  frozen.parameters[1].set_requires_grad(false);
  optim::Adam<float> later(frozen.parameters);  // made after, and not used
  CHECK(later.describe() ==
        plain.adam.describe().replace(plain.adam.describe().find("weight decay 0.1"), 16,
                                      "weight decay 0"));
  const auto before = frozen.parameters[1].value().clone();
  plain.step(10, false);
  frozen.step(10, false);
  CHECK(same_bytes(frozen.parameters[1].value(), before));
  CHECK_FALSE(frozen.adam.state().steps.contains("1.step"));
  frozen.parameters[1].set_requires_grad(true);
  for (const std::uint64_t seed : {20U, 30U}) {
    plain.step(seed);
    frozen.step(seed);
  }
  for (std::size_t i = 0; i < plain.parameters.size(); ++i) {
    CHECK(same_bytes(frozen.parameters[i].value(), plain.parameters[i].value()));
  }
  frozen.parameters[0].set_requires_grad(false);  // with a gradient and a memory
  const auto kept = frozen.parameters[0].value().clone();
  frozen.adam.step();
  CHECK(same_bytes(frozen.parameters[0].value(), kept));
  CHECK(frozen.adam.state().steps.at("0.step") == 3);
}

TEST_CASE("a learning rate of 0 leaves the parameters, and the memory goes on") {
  Variable<double> w(Tensor<double>::ones({2}), true);
  optim::AdamW<double> adam({{.parameters = {w}, .learning_rate = 0}}, {.weight_decay = 0.1});
  w.set_grad(Tensor<double>::ones({2}));
  adam.step();
  CHECK(w.value()(1) == 1);
  CHECK(adam.state().steps.at("0.step") == 1);
}

TEST_CASE("the learning rate factor multiplies every group's rate") {
  Variable<double> a(Tensor<double>::ones({2}), true);
  Variable<double> b(Tensor<double>::ones({2}), true);
  optim::Sgd<double> sgd({{.parameters = {a}}, {.parameters = {b}, .learning_rate = 0.5}},
                         {.learning_rate = 0.25});
  sgd.set_learning_rate_factor(0.5);
  CHECK(sgd.learning_rate() == 0.125);
  CHECK(sgd.learning_rate(1) == 0.25);
  a.set_grad(Tensor<double>::ones({2}));
  b.set_grad(Tensor<double>::ones({2}));
  sgd.step();
  CHECK(a.value()(1) == 0.875);
  CHECK(b.value()(1) == 0.75);
  sgd.set_learning_rate_factor(0);
  sgd.step();
  CHECK(a.value()(1) == 0.875);
  sgd.set_learning_rate_factor(0.5);
  sgd.set_learning_rate_factor(0.25, 1);
  CHECK(sgd.learning_rate() == 0.125);
  CHECK(sgd.learning_rate(1) == 0.0625);
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>([&] { sgd.set_learning_rate_factor(-1); },
                         "Sgd: expected a learning rate factor of 0 or more, got -1"),
      throws<ValueError>([&] { sgd.set_learning_rate_factor(1, 2); },
                         "Sgd: expected a group below 2, got group 2"),
      throws<ValueError>([&] { sgd.learning_rate(2); },
                         "Sgd: expected a group with parameters, got group 2")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("a group's schedule counts the steps of the optimizer, also after a resumption") {
  struct Run {
    Variable<float> a{random_tensor<float>({5}, 1), true};
    Variable<float> b{random_tensor<float>({5}, 2), true};
    optim::Sgd<float> sgd{
        {{.parameters = {a}},
         {.parameters = {b}, .schedule = [](Index step) { return step < 2 ? 1.0 : 0.5; }}},
        {.learning_rate = 0.25, .momentum = 0.5}};

    void step(std::uint64_t seed) {
      a.set_grad(random_tensor<float>({5}, seed));
      b.set_grad(random_tensor<float>({5}, seed + 1));
      sgd.step();
    }
  };
  Run first;
  CHECK(first.sgd.state().steps.empty());
  CHECK(first.sgd.describe() ==
        "Sgd(momentum 0.5; 1 parameters: learning rate 0.25, weight decay 0; 1 parameters: "
        "learning rate 0.25, weight decay 0, scheduled)");
  first.step(3);
  CHECK(first.sgd.learning_rate(1) == 0.25);
  CHECK(first.sgd.state().steps.at("all.step") == 1);

  Run second;
  second.a.mutable_value().copy_from(first.a.value());
  second.b.mutable_value().copy_from(first.b.value());
  second.sgd.load_state(first.sgd.state());
  for (const std::uint64_t seed : {5U, 7U}) {
    first.step(seed);
    second.step(seed);
  }
  CHECK(second.sgd.learning_rate(0) == 0.25);
  CHECK(second.sgd.learning_rate(1) == 0.125);
  CHECK(same_bytes(second.b.value(), first.b.value()));
  CHECK(same_bytes(second.a.value(), first.a.value()));

  auto state = first.sgd.state();
  state.steps.erase("all.step");
  CHECK(throws<ValueError>([&] { second.sgd.load_state(state); }, "").outcome() ==
        "Sgd: expected a state with all.step, got none");
  Run odd;
  optim::Sgd<float> negative({{.parameters = {odd.a}, .schedule = [](Index) { return -1.0; }}});
  CHECK(throws<ValueError>([&] { negative.learning_rate(); }, "").outcome() ==
        "Sgd: expected a learning rate factor of 0 or more, got -1");
}

TEST_CASE("parameters are grouped by their paths and shapes") {
  Random random(1);
  nn::Sequential<float> model(nn::Linear<float>(3, 4, random), nn::BatchNorm1d<float>(4),
                              nn::Linear<float>(4, 2, random));
  const auto named = [](const std::string& part) {
    return [part](const std::string& path, const Variable<float>&) { return path == part; };
  };
  const auto groups = optim::parameter_groups<float>(
      model, {{.chosen = named("0.weight"), .learning_rate = 0.5},
              {.chosen = [](const std::string&, const auto& p) { return p.rank() == 1; },
               .weight_decay = 0,
               .schedule = optim::constant_schedule()}});
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].parameters.size() == 1);
  CHECK(groups[0].parameters[0].shape() == Shape{4, 3});
  CHECK(groups[0].learning_rate == 0.5);
  CHECK(groups[1].parameters.size() == 4);
  CHECK(groups[1].weight_decay == 0.0);
  CHECK(groups[1].schedule);
  CHECK(groups[2].parameters.size() == 1);
  CHECK_FALSE(groups[2].learning_rate);
  CHECK(optim::Sgd<float>(groups).groups() == 3);
  const auto bad = throws<ValueError>(
      [&] { optim::parameter_groups<float>(model, {{.chosen = named("1.wieght")}}); },
      "parameter_groups: expected rules that choose parameters of Sequential, got rule 0 that "
      "chooses none");
  CHECK(bad.outcome() == bad.message);
}

TEST_CASE("an update after the forward pass is noticed by backward") {
  Variable<double> w(Tensor<double>::ones({2}), true);
  const auto version = w.value().version();
  optim::Sgd<double> sgd({w});
  sgd.step();  // no gradient: nothing happens
  CHECK(w.value().version() == version);
  w.set_grad(Tensor<double>::ones({2}));
  sgd.step();
  CHECK(w.value().version() > version);
  sgd.zero_grad();
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("an optimizer goes on from a saved state, bit for bit") {
  Small first;
  first.step(10, false);
  CHECK(first.adam.state().steps == std::map<std::string, Index>{{"0.step", 1}, {"2.step", 1}});
  CHECK(first.adam.state().tensors.size() == 4);

  Small second;
  for (std::size_t i = 0; i < second.parameters.size(); ++i) {
    second.parameters[i].mutable_value().copy_from(first.parameters[i].value());
  }
  second.adam.load_state(first.adam.state());
  CHECK(first.adam.describe() == second.adam.describe());
  for (const std::uint64_t seed : {20U, 30U}) {
    first.step(seed);
    second.step(seed);
  }
  for (std::size_t i = 0; i < second.parameters.size(); ++i) {
    CHECK(same_bytes(second.parameters[i].value(), first.parameters[i].value()));
  }
  CHECK(first.adam.state().steps.at("1.step") == 2);
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  Small small;
  small.step(10);
  const auto good = small.adam.state();
  const auto refused = [&](const auto& change) {
    auto bad = good;
    change(bad);
    Small other;
    std::string message;
    try {
      other.adam.load_state(bad);
    } catch (const ValueError& error) {
      message = error.what();
    }
    CHECK(other.adam.state().steps.empty());
    return message;
  };
  CHECK(refused([](auto& state) { state.tensors.erase("1.exp_avg"); }) ==
        "Adam: expected a state with 1.exp_avg, got none");
  CHECK(refused([](auto& state) { state.tensors["1.exp_avg"] = Tensor<float>::zeros({5}); }) ==
        "Adam: expected 1.exp_avg of shape (4,), got (5,)");
  CHECK(refused([](auto& state) { state.steps.erase("1.step"); }) ==
        "Adam: expected the state of 3 parameters, got 6 tensors and 2 steps");
  CHECK(refused([](auto& state) { state.steps["3.step"] = 1; }) ==
        "Adam: expected the state of 3 parameters, got 6 tensors and 4 steps");
  CHECK(refused([](auto& state) { state.tensors["x"] = Tensor<float>::scalar(1); }) ==
        "Adam: expected the state of 3 parameters, got 7 tensors and 3 steps");
  CHECK(refused([](auto& state) { state.steps["1.step"] = 0; }) ==
        "Adam: expected a positive 1.step, got 0");
}

TEST_CASE("optimizers describe themselves") {
  const std::vector<Variable<float>> parameters = {{Tensor<float>::ones({2, 3}), true},
                                                   {Tensor<float>::ones({}), true}};
  CHECK(optim::Adam<float>(parameters).describe() ==
        "Adam(beta1 0.9, beta2 0.999, epsilon 1e-08; 2 parameters: learning rate 0.001, weight "
        "decay 0)");
  using Group = optim::ParameterGroup<float>;
  const std::vector<Group> groups = {
      {.parameters = {parameters[0]}}, {}, {.parameters = {parameters[1]}, .learning_rate = 0.1}};
  CHECK(optim::Sgd<float>(groups, {.momentum = 0.9, .nesterov = true}).describe() ==
        "Sgd(momentum 0.9, nesterov; 1 parameters: learning rate 0.01, weight decay 0; 1 "
        "parameters: learning rate 0.1, weight decay 0)");
}

TEST_CASE("options out of range are refused with their value") {
  const std::vector<Variable<float>> w = {{Tensor<float>::ones({2}), true}};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto adam = [&](const optim::AdamOptions& options) {
    return [=] { optim::Adam<float>(w, options); };
  };
  const auto adamw = [&](const optim::AdamWOptions& options) {
    return [=] { optim::AdamW<float>(w, options); };
  };
  const auto sgd = [&](const optim::SgdOptions& options) {
    return [=] { optim::Sgd<float>(w, options); };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>(adam({.learning_rate = -infinity}),
                         "Adam: expected a learning rate of 0 or more, got -inf"),
      throws<ValueError>(adamw({.learning_rate = nan}),
                         "AdamW: expected a learning rate of 0 or more, got nan"),
      throws<ValueError>(sgd({.learning_rate = -1}),
                         "Sgd: expected a learning rate of 0 or more, got -1"),
      throws<ValueError>(sgd({.learning_rate = infinity}),
                         "Sgd: expected a learning rate of 0 or more, got inf"),
      throws<ValueError>(adam({.beta1 = 1}), "Adam: expected beta1 in [0, 1), got 1"),
      throws<ValueError>(adam({.beta1 = nan}), "Adam: expected beta1 in [0, 1), got nan"),
      throws<ValueError>(adamw({.beta2 = -0.5}), "AdamW: expected beta2 in [0, 1), got -0.5"),
      throws<ValueError>(adam({.epsilon = -1}), "Adam: expected an epsilon of 0 or more, got -1"),
      throws<ValueError>(adam({.weight_decay = -1}),
                         "Adam: expected a weight decay of 0 or more, got -1"),
      throws<ValueError>(sgd({.momentum = 1}), "Sgd: expected a momentum in [0, 1), got 1"),
      throws<ValueError>(sgd({.nesterov = true}),
                         "Sgd: expected a positive momentum with nesterov, got 0")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("an optimizer refuses parameters and groups that it cannot update") {
  using Group = optim::ParameterGroup<float>;
  const std::vector<Variable<float>> w = {{Tensor<float>::ones({2}), true}};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto adam = [](const std::vector<Group>& groups) {
    return [=] { optim::Adam<float>{groups}; };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>(adam({{.parameters = w, .learning_rate = nan}}),
                         "Adam: expected a learning rate of 0 or more, got nan"),
      throws<ValueError>(adam({{.parameters = w, .weight_decay = -2}}),
                         "Adam: expected a weight decay of 0 or more, got -2"),
      throws<ValueError>(adam({{.parameters = w}, {.parameters = w}}),
                         "Adam: expected every parameter once, got one of shape (2,) twice"),
      throws<ValueError>(adam({}), "Adam: expected at least one parameter, got none"),
      throws<ValueError>(adam({{.parameters = {Tensor<float>::ones({2})}}}),
                         "Adam: expected parameters, got a variable that collects no gradient"),
      throws<ValueError>(adam({{.parameters = {Variable<float>()}}}),
                         "Adam: expected parameters, got a variable that collects no gradient")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}
