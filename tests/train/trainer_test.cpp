#include "cnnrnn/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/train/interrupt.hpp"
#include "support/catch.hpp"
#include "support/op_table.hpp"
#include "train/small_run.hpp"

using namespace cnnrnn;
using train::Ending;

namespace {

const train::ProgressOptions silent = {.out = nullptr};

std::vector<float> parameters_of(nn::Module<float>& model) {
  std::vector<float> values;
  for (const auto& parameter : model.parameters()) {
    const auto span = parameter.value().span();
    values.insert(values.end(), span.begin(), span.end());
  }
  return values;
}

}  // namespace

TEST_CASE("a run learns, and its history says so") {
  SmallRun<float> run;
  Index epochs_seen = 0;
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                {.epochs = 20,
                                 .after_epoch =
                                     [&](const train::TrainingState& state) {
                                       CHECK(state.epoch == ++epochs_seen);
                                       return true;
                                     },
                                 .progress = silent});
  CHECK(trainer.run() == Ending::finished);
  const auto& history = trainer.state().history;
  REQUIRE(history.size() == 20);
  CHECK(history.back().epoch == 20);
  CHECK(history.back().train_loss < 0.7 * history.front().train_loss);
  CHECK(history.back().test_accuracy > 0.9);
  CHECK(history.back().images_per_second > 0);

  // What evaluate says of the trained model is what the last row says.
  const auto tested = train::evaluate(run.model, small_loader<float>());
  CHECK(tested.images == 50);
  CHECK(tested.loss() == history.back().test_loss);
  CHECK(tested.accuracy() == history.back().test_accuracy);
  CHECK(run.model.training());
}

TEST_CASE("the trainer's steps are those of the loop written out") {
  SmallRun<float> run;
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), {},
                                {.epochs = 2,
                                 .loss = train::cross_entropy_loss<float>({.label_smoothing = 0.1}),
                                 .schedule = optim::cosine_schedule({.steps = 14}),
                                 .clip_norm = 0.5,
                                 .progress = silent});
  trainer.run();
  CHECK(std::isnan(trainer.state().history.back().test_loss));

  SmallRun<float> by_hand;
  auto loader = small_loader<float>(0);
  Index step = 0;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    loader.set_epoch(epoch);
    for (auto [images, labels] : loader) {
      by_hand.adam.set_learning_rate_factor(optim::cosine_schedule({.steps = 14})(step++));
      const auto loss = cross_entropy(by_hand.model(images), labels, {.label_smoothing = 0.1});
      by_hand.adam.zero_grad();
      loss.backward();
      optim::clip_grad_norm(by_hand.model.parameters(), 0.5);
      by_hand.adam.step();
    }
  }
  CHECK(parameters_of(run.model) == parameters_of(by_hand.model));
}

TEST_CASE("after_epoch ends a run") {
  SmallRun<float> run;
  train::Trainer<float> trainer(
      run.model, run.adam, small_loader<float>(), {},
      {.after_epoch = [](const train::TrainingState& state) { return state.epoch < 2; },
       .progress = silent});
  CHECK(trainer.run() == Ending::enough);
  CHECK(trainer.state().history.size() == 2);
}

TEST_CASE("Ctrl-C finishes the batch, saves and stops; the run goes on from there") {
  SmallRun<float> whole;
  train::Trainer<float>(whole.model, whole.adam, small_loader<float>(), small_loader<float>(),
                        {.epochs = 3, .progress = silent})
      .run();

  // The 10th batch, the end of an epoch's training, its test, and the end of an epoch.
  for (const int stop_after : {10, 7, 8, 14}) {
    CAPTURE(stop_after);
    SmallRun<float> run;
    std::vector<train::TrainingState> saved;
    int asked = 0;
    const train::Interrupt interrupt;
    train::TrainerOptions<float> options = {
        .epochs = 3,
        .save = [&](const train::TrainingState& state) { saved.push_back(state); },
        .stop =
            [&] {
              if (++asked == stop_after) {
                std::raise(SIGINT);
              }
              return interrupt.requested();
            },
        .progress = silent};
    train::Trainer<float> first(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                options);
    CHECK(first.run() == Ending::stopped);
    CHECK(interrupt.signal() == SIGINT);
    REQUIRE_FALSE(saved.empty());
    CHECK(saved.back().epoch * 7 + saved.back().batch ==
          first.state().epoch * 7 + first.state().batch);
    CHECK(saved.back().epoch < 3);

    options.stop = {};
    train::Trainer<float> second(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                 options);
    CHECK(second.run(saved.back()) == Ending::finished);
    CHECK(second.state().history.size() == 3);
    CHECK(parameters_of(run.model) == parameters_of(whole.model));
  }
}

TEST_CASE("a run is saved after each epoch and every so many batches or seconds") {
  const auto positions = [](train::TrainerOptions<float> options) {
    SmallRun<float> run;
    std::vector<std::pair<Index, Index>> saved;
    double now = 0;
    options.epochs = 2;
    options.save = [&](const train::TrainingState& state) {
      saved.emplace_back(state.epoch, state.batch);
    };
    options.progress = {.out = nullptr, .clock = [&] { return now += 0.5; }};
    train::Trainer<float>(run.model, run.adam, small_loader<float>(), {}, options).run();
    return saved;
  };
  using Positions = std::vector<std::pair<Index, Index>>;
  CHECK(positions({}) == Positions{{1, 0}, {2, 0}});
  CHECK(positions({.save_batches = 3}) ==
        Positions{{0, 3}, {0, 6}, {1, 0}, {1, 3}, {1, 6}, {2, 0}});
  CHECK(positions({.save_batches = 7}) == Positions{{1, 0}, {2, 0}});
  CHECK(positions({.save_seconds = 1e9}) == Positions{{1, 0}, {2, 0}});
  CHECK(positions({.save_seconds = 1e-9}).size() == 14);
}

TEST_CASE("a loss that is not finite ends the run with epoch and step") {
  SmallRun<float> run;
  int calls = 0;
  bool saved = false;
  train::TrainerOptions<float> options = {
      .save = [&](const train::TrainingState& state) { saved = state.epoch > 1; },
      .progress = silent};
  options.loss = [&](const Variable<float>& logits, const Tensor<Index>& labels) {
    return ++calls == 10
               ? Variable<float>(Tensor<float>::scalar(std::numeric_limits<float>::quiet_NaN()))
               : cross_entropy(logits, labels);
  };
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), {}, options);
  CHECK_THROWS_WITH(trainer.run(),
                    "train: expected a finite loss, got nan at epoch 2, step 3 of 7");
  CHECK_FALSE(saved);
}

TEST_CASE("a test loss that is not finite is an error with its epoch") {
  SmallRun<float> run;
  const Variable<float> nan = Tensor<float>::scalar(std::numeric_limits<float>::quiet_NaN());
  train::TrainerOptions<float> options = {.progress = silent};
  options.loss = [&](const Variable<float>& logits, const Tensor<Index>& labels) {
    return run.model.training() ? cross_entropy(logits, labels) : nan;
  };
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                options);
  const std::vector<BadCall> bad_calls = {
      throws<NumericError>([&] { trainer.run(); },
                           "train: expected a finite test loss, got nan after epoch 1"),
      throws<NumericError>([&] { train::evaluate(run.model, small_loader<float>(), options.loss); },
                           "evaluate: expected a finite loss, got nan")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

namespace {

/// A loss of 1 whose gradient overflows in the first weights.
train::LossFunction<float> infinite_gradient(SmallRun<float>& run) {
  return [&run](const Variable<float>&, const Tensor<Index>&) {
    const auto weight = run.model.parameters()[0];
    return record<float>("bad", {weight}, Tensor<float>::scalar(1), [](Gradients<float>& g) {
      const auto dx = g.dx();
      std::fill(dx.values.begin(), dx.values.end(), std::numeric_limits<float>::infinity());
    });
  };
}

}  // namespace

TEST_CASE("a gradient that is not finite ends a clipped run with epoch and step") {
  SmallRun<float> run;
  train::TrainerOptions<float> options = {.clip_norm = 1, .progress = silent};
  options.loss = infinite_gradient(run);
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), {}, options);
  const auto before = parameters_of(run.model);
  CHECK_THROWS_WITH(trainer.run(),
                    "train: expected a finite gradient, got norm inf at epoch 1, step 1 of 7");
  CHECK(parameters_of(run.model) == before);
}

TEST_CASE("the trainer refuses options and states out of range") {
  SmallRun<float> run;
  const auto train = [&](const train::TrainerOptions<float>& options,
                         const train::TrainingState& state = {}) {
    return [&run, options, state] {
      train::Trainer<float>(run.model, run.adam, small_loader<float>(), {}, options).run(state);
    };
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>(train({.epochs = 0}),
                         "train: expected a positive number of epochs, got 0"),
      throws<ValueError>(train({.clip_norm = -1}),
                         "train: expected a clip norm of 0 or more, got -1"),
      throws<ValueError>(train({.clip_norm = nan}),
                         "train: expected a clip norm of 0 or more, got nan"),
      throws<ValueError>(train({.save_batches = -1}),
                         "train: expected 0 or more batches and seconds between savings, got -1 "
                         "and 0"),
      throws<ValueError>(train({.save_seconds = nan}),
                         "train: expected 0 or more batches and seconds between savings, got 0 "
                         "and nan"),
      throws<ValueError>(train({.progress = silent}, {.batch = 8}),
                         "train: expected a state within epochs of 7 batches, got epoch 0, batch "
                         "8"),
      throws<ValueError>(train({.progress = silent}, {.epoch = -1}),
                         "train: expected a state within epochs of 7 batches, got epoch -1, batch "
                         "0")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
  CHECK(run.adam.state().steps.empty());
}

TEST_CASE("weights that are not finite are never saved") {
  SmallRun<float> run;
  Index saved = 0;
  const train::TrainerOptions<float> options{.epochs = 1,
                                             .loss = infinite_gradient(run),
                                             .save = [&](const auto&) { ++saved; },
                                             .save_batches = 1,
                                             .progress = silent};
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), std::nullopt, options);
  CHECK_THROWS_WITH(
      trainer.run(),
      "train: expected finite weights to save, got some that are not at epoch 1, step 2 of 7");
  CHECK(saved == 0);
}

TEST_CASE("evaluating leaves a frozen part frozen") {
  SmallRun<float> run;
  run.model.train();
  const auto parts = run.model.modules();
  parts[3]->eval();  // the batch norm, as in fine-tuning
  train::evaluate(run.model, small_loader<float>());
  CHECK(run.model.training());
  CHECK(parts[2]->training());
  CHECK_FALSE(parts[3]->training());
}

TEST_CASE("a run and a test leave out the images whose labels are ignored") {
  SmallRun<float> run;
  run.model.eval();
  const auto loss = train::cross_entropy_loss<float>({.ignore_index = 0});
  const auto all = small_images(50);
  std::vector<Index> rest;
  for (Index i = 0; i < all.size(); ++i) {
    if (all.labels(i) != 0) {
      rest.push_back(i);
    }
  }
  const auto expected =
      train::evaluate(run.model, data::Loader<float>(data::subset(all, rest), {.batch = 50}));
  const auto got = train::evaluate(run.model, small_loader<float>(), loss);
  CHECK(got.images == std::ssize(rest));
  CHECK(got.correct == expected.correct);
  CHECK(got.loss() == Approx(expected.loss()));

  train::TrainingState last;
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), std::nullopt,
                                {.loss = loss,
                                 .save = [&](const train::TrainingState& state) { last = state; },
                                 .stop = [] { return true; },
                                 .progress = silent});
  trainer.run();
  const auto first = *small_loader<float>().begin();
  CHECK(last.running.images == train::count_labels(first.labels, 0));

  CHECK_THROWS_WITH(train::cross_entropy_loss<float>({.reduction = Reduction::sum}),
                    "cross_entropy_loss: expected the mean over a batch, got another reduction");
}

TEST_CASE("a run trains the head of a network whose other parts are frozen") {
  SmallRun<float> run;
  run.model.set_requires_grad(false);
  run.model.set_requires_grad(true, "5");
  run.model.modules()[3]->keep_eval();  // the batch norm
  const auto before = nn::state_dict(run.model).clone();
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                {.epochs = 2, .clip_norm = 1, .progress = silent});
  const auto changed = [&] {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : nn::state_dict(run.model).tensors) {
      if (!std::ranges::equal(tensor.span(), before.tensors.at(name).span())) {
        names.push_back(name);
      }
    }
    return names;
  };
  trainer.run();
  CHECK(changed() == std::vector<std::string>{"5.bias", "5.weight"});
  CHECK(nn::state_dict(run.model).counters.at("2.num_batches_tracked").item() == 0);

  run.model.set_requires_grad(true);
  trainer.run();
  CHECK(changed() ==
        std::vector<std::string>{"1.bias", "1.weight", "2.bias", "2.weight", "5.bias", "5.weight"});
  run.model.set_requires_grad(false);
  CHECK_THROWS_AS(trainer.run(), GraphError);
}
