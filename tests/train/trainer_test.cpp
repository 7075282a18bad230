#include "cnnrnn/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/mix.hpp"
#include "cnnrnn/ops/sum.hpp"
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
                         "0"),
      throws<ValueError>(train({.steps = -1}),
                         "train: expected 0 or more steps and a positive test_every, got -1 and 1"),
      throws<ValueError>(train({.test_every = 0}),
                         "train: expected 0 or more steps and a positive test_every, got 0 and 0"),
      throws<ValueError>(train({.loader = [](Index) { return std::size_t{1}; }}),
                         "train: expected a loader below 1, got 1 for epoch 1"),
      throws<ValueError>(
          [&] {
            train::Trainer<float>(run.model, run.adam, std::vector<data::Loader<float>>(), {});
          },
          "train: expected a training loader, got none"),
      throws<ValueError>([] { train::steps_of(0, 5); },
                         "steps_of: expected a positive number of epochs and of batches, got 0 and "
                         "5")};
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

  CHECK_THROWS_WITH(train::cross_entropy_loss<float>({.reduction = Reduction::none}),
                    "cross_entropy_loss: expected the mean or the sum over a batch, got no "
                    "reduction");
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

TEST_CASE("steps may end a run in the middle of an epoch") {
  CHECK(train::steps_of(9.9, 48) == 476);
  CHECK(train::steps_of(1.1, 10) == 11);
  CHECK(train::steps_of(0.01, 7) == 1);
  SmallRun<float> run;
  Index last = 0;
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                {.epochs = 1,
                                 .steps = 17,
                                 .schedule =
                                     [&](Index step) {
                                       last = step;
                                       return 1.0;
                                     },
                                 .progress = silent});
  CHECK(trainer.run() == Ending::finished);
  CHECK(last == 16);
  const auto& state = trainer.state();
  CHECK(state.step == 17);
  REQUIRE(state.history.size() == 3);
  CHECK(std::isfinite(state.history.back().test_loss));
  CHECK(trainer.run(state) == Ending::finished);  // nothing is left to do
  CHECK(last == 16);
}

TEST_CASE("hooks are called around epochs, updates, steps and tests") {
  SmallRun<float> run;
  std::vector<std::string> calls;
  const auto note = [&](const char* name) {
    return [&calls, name](const train::TrainingState& state) {
      calls.push_back(to_message(name, ' ', state.epoch, ' ', state.batch, ' ', state.step));
    };
  };
  const train::TrainerOptions<float> options{.steps = 8,
                                             .before_epoch = note("epoch"),
                                             .before_update = note("update"),
                                             .after_step = note("step"),
                                             .after_evaluation = note("tested"),
                                             .progress = silent};
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), {}, options);
  trainer.run({.batch = 5});
  CHECK(calls == std::vector<std::string>{
                     "epoch 0 5 5", "update 0 5 5", "step 0 6 6", "update 0 6 6", "step 0 7 7",
                     "tested 1 0 7", "epoch 1 0 7", "update 1 0 7", "step 1 1 8", "tested 2 0 8"});
  // Gradients are there before the update, and what a hook does to them counts.
  const auto before = parameters_of(run.model);
  auto idle = options;
  idle.before_update = [&](const train::TrainingState&) {
    for (auto& parameter : run.adam.parameters()) {
      CHECK(parameter.grad().defined());
      parameter.zero_grad();
    }
  };
  train::Trainer<float>(run.model, run.adam, small_loader<float>(), {}, idle).run();
  CHECK(parameters_of(run.model) == before);
}

TEST_CASE("epochs take turns with several loaders, or take the one they are told") {
  const auto sizes = [](const std::function<std::size_t(Index)>& loader) {
    SmallRun<float> run;
    std::vector<Index> images;
    const data::Loader<float> other(small_images(12), {.batch = 6});
    std::vector<data::Loader<float>> loaders{small_loader<float>(), other};
    train::Trainer<float> trainer(
        run.model, run.adam, std::move(loaders), {},
        {.steps = 18,
         .loader = loader,
         .after_evaluation =
             [&](const train::TrainingState& state) { images.push_back(state.step); },
         .progress = silent});
    trainer.run();
    return images;
  };
  CHECK(sizes({}) == std::vector<Index>{7, 9, 16, 18});
  CHECK(sizes([](Index epoch) { return epoch < 2 ? 1U : 0U; }) == std::vector<Index>{2, 4, 11, 18});
}

TEST_CASE("an auxiliary loss has a gradient, and no place in the history") {
  const auto with = [](double factor) {
    auto run = std::make_unique<SmallRun<float>>();
    train::TrainerOptions<float> options{.epochs = 1, .progress = silent};
    options.auxiliary = [&model = run->model, factor](const Variable<float>&,
                                                      const data::Batch<float>&) {
      const auto weight = model.parameters()[0];
      return sum(weight * weight) * static_cast<float>(factor);
    };
    train::Trainer<float>(run->model, run->adam, small_loader<float>(), {}, options).run();
    return run;
  };
  const auto norm = [](SmallRun<float>& run) {
    double squares = 0;
    for (const float w : run.model.parameters()[0].value().span()) {
      squares += w * w;
    }
    return squares;
  };
  CHECK(norm(*with(10)) < norm(*with(0)));
  SmallRun<float> plain;
  train::Trainer<float>(plain.model, plain.adam, small_loader<float>(), {},
                        {.epochs = 1, .progress = silent})
      .run();
  CHECK(parameters_of(with(0)->model) == parameters_of(plain.model));
  CHECK_THROWS_WITH(with(std::numeric_limits<double>::quiet_NaN()),
                    "train: expected a finite auxiliary loss, got nan at epoch 1, step 1 of 7");
}

TEST_CASE("a loss may be the sum over a batch; the history has the mean") {
  SmallRun<float> run;
  run.model.eval();
  const auto mean = train::evaluate(run.model, small_loader<float>());
  const auto of_sum =
      train::evaluate(run.model, small_loader<float>(),
                      train::cross_entropy_loss<float>({.reduction = Reduction::sum}));
  CHECK(of_sum.loss() == Approx(mean.loss()));
  const auto labels_only = [](const auto& logits, const auto& labels) {
    return cross_entropy(logits, labels);
  };
  CHECK_THROWS_WITH(train::LossFunction<float>(labels_only, -100, {}, Reduction::none),
                    "LossFunction: expected the mean or the sum over a batch, got no reduction");
}

TEST_CASE("a run learns from mixed images") {
  const data::Loader<float> mixed(small_images(50), {.batch = 8, .shuffle = true},
                                  {data::mixup<float>(0.2)});
  SmallRun<float> run;
  train::Trainer<float> trainer(run.model, run.adam, mixed, small_loader<float>(),
                                {.epochs = 20, .progress = silent});
  trainer.run();
  CHECK(trainer.state().history.back().test_accuracy > 0.9);

  const auto batch = *mixed.begin();
  const Variable<float> answers = Tensor<float>(
      {8, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 3, 5, 7, 9, 8});
  CHECK(train::cross_entropy_loss<float>()(answers, batch).item() ==
        cross_entropy(answers, batch.targets).item());
  CHECK(cross_entropy(answers, batch.targets).item() !=
        cross_entropy(answers, batch.labels).item());

  train::TrainerOptions<float> options{.progress = silent};
  options.loss = [](const Variable<float>& logits, const Tensor<Index>& labels) {
    return cross_entropy(logits, labels);
  };
  CHECK_THROWS_WITH(train::Trainer<float>(run.model, run.adam, mixed, {}, options).run(),
                    "loss: expected a function of targets for a batch of mixed images, got one of "
                    "labels alone");
}

TEST_CASE("test_every leaves out tests, but not the last one") {
  SmallRun<float> run;
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                {.epochs = 5, .test_every = 2, .progress = silent});
  trainer.run();
  std::vector<bool> tested;
  for (const auto& row : trainer.state().history) {
    tested.push_back(std::isfinite(row.test_accuracy));
  }
  CHECK(tested == std::vector<bool>{false, true, false, true, true});
}

TEST_CASE("views of images are mirrored and moved, with what the border reflects") {
  const Tensor<float> x({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const auto values = [](const Tensor<float>& y) {
    return std::vector<float>(y.span().begin(), y.span().end());
  };
  CHECK(values(train::mirrored(x)) == std::vector<float>{3, 2, 1, 6, 5, 4});
  CHECK(values(train::shifted(x, 1, 1)) == std::vector<float>{5, 4, 5, 2, 1, 2});
  CHECK(values(train::shifted(x, 0, -2)) == std::vector<float>{3, 2, 1, 6, 5, 4});
  CHECK(values(train::shifted(x, 0, 2)) == std::vector<float>{3, 2, 1, 6, 5, 4});
  double weights = 0;
  for (const auto& view : train::mirror_and_shift_views<float>()) {
    weights += view.weight;
  }
  CHECK(weights == 1);
  const Tensor<float> pixels({2, 2, 1, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(values(train::mirror_views<float>()[1].of(pixels)) == values(pixels));
  CHECK_THROWS_WITH(train::shifted(x, 2, 0),
                    "shifted: expected images (N, H, W, C) larger than 2x0, got (1, 2, 3, 1)");
  CHECK_THROWS_WITH(train::mirrored(Tensor<float>({2, 3})),
                    "mirrored: expected images (N, H, W, C), got (2, 3)");
}

TEST_CASE("a test of several views adds up the logits by their weights") {
  SmallRun<float> run;
  const train::Views<float> views{{[](const Tensor<float>& x) { return x; }, 0.75},
                                  {train::mirrored<float>, 0.25}};
  train::TestTimeAugmentation<float> patient(run.model, views);
  const Tensor<float> images = (*small_loader<float>().begin()).images;
  {
    const NoGradGuard no_grad;
    const train::detail::EvaluationMode<float> mode(patient);
    CHECK_FALSE(run.model.training());
    const auto expected = run.model(images) * 0.75F + run.model(train::mirrored(images)) * 0.25F;
    CHECK(std::ranges::equal(patient(images).value().span(), expected.value().span()));
  }
  CHECK(run.model.training());
  CHECK(patient.describe() == "TestTimeAugmentation(2 views)");

  const auto expected = train::evaluate(patient, small_loader<float>());
  train::Trainer<float> trainer(run.model, run.adam, small_loader<float>(), small_loader<float>(),
                                {.steps = 1, .views = views, .progress = silent});
  trainer.run();
  CHECK(trainer.state().history.back().test_loss ==
        train::evaluate(patient, small_loader<float>()).loss());
  CHECK(trainer.state().history.back().test_loss != expected.loss());
  using Patient = train::TestTimeAugmentation<float>;
  CHECK_THROWS_WITH(Patient(run.model, {}), "TestTimeAugmentation: expected views, got none");
  CHECK_THROWS_WITH(Patient(run.model, {{{}, 0.5}}),
                    "TestTimeAugmentation: expected views with a function and a finite weight, got "
                    "no function and weight 0.5");
}
