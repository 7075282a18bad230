#pragma once

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/data/open_dataset.hpp"
#include "cnnrnn/train/checkpoints.hpp"
#include "cnnrnn/train/interrupt.hpp"
#include "program/terminal.hpp"
#include "speedrun/learning.hpp"
#include "speedrun/network.hpp"
#include "speedrun/settings.hpp"
#include "speedrun/trained.hpp"

namespace speedrun {

/// "8 min 12 s"
inline std::string minutes(double seconds) {
  const auto whole = std::llround(seconds);
  return to_message(whole / 60, " min ", whole % 60, " s");
}

inline std::string percent(double share) { return train::detail::fixed(100 * share, 2) + " %"; }

/// A run, from its options to its files and the line at its end.
template <class T>
class Run {
 public:
  /// The configuration is that of the options, or of the run that they resume.
  Run(const Options& options, const Config& config)
      : options_(options),
        folder_{options.out},
        config_(config),
        recipe_(recipe_for(config_)),
        data_(open_data()),
        statistics_(data_.kind == "cifar10" ? data::cifar10_statistics()
                                            : data::channel_statistics(data_.split.train)),
        random_(config_.seed),
        network_(recipe_, data_.split.train.classes(), random_) {
    check_folder();
    recipe_.epochs = config_.epochs > 0 ? config_.epochs : recipe_.epochs;
    recipe_.batch =
        std::min(config_.batch > 0 ? config_.batch : recipe_.batch, data_.split.train.size());
    whiten(network_, first_images());
    train_.emplace(data_.split.train, loader_options());
    test_.emplace(data_.split.test,
                  data::LoaderOptions{.batch = 1000, .normalization = statistics_});
    steps_ = train::steps_of(recipe_.epochs, train_->batches());
    optimizer_ = optimizer_for(network_, recipe_, steps_, whiten_epochs * train_->batches());
    slow_.emplace(network_);
  }

  /// Trains, tests, and returns the program's exit code: 130 after Ctrl-C.
  int run() {
    program::print_data(data_);
    program::print_setup(network_);
    std::cout << "recipe:  " << config_.optimizer << " for " << config_.target << " %, " << steps_
              << " steps of " << recipe_.batch << " images" << std::endl;
    train::Checkpoints<T> checkpoints(network_, *optimizer_, checkpoints_options());
    const train::Interrupt interrupt;
    train::TrainingState state = begin(checkpoints);
    train::Trainer<T> trainer(network_, *optimizer_, *train_, test_,
                              trainer_options(checkpoints, interrupt));
    if (train_to_the_end(trainer, std::move(state)) == train::Ending::stopped) {
      std::cout << "stopped after " << trainer.state().step << " of " << steps_
                << " steps, and saved; go on with: --resume --out " << options_.out << std::endl;
      return 130;
    }
    finish(trainer.state());
    return 0;
  }

 private:
  data::OpenedDataset open_data() const {
    auto data = data::open_dataset(config_.data, {.kind = config_.data_kind});
    auto& split = data.split;
    if (config_.holdout > 0) {
      split = data::hold_out(split.train, config_.holdout, config_.seed);
      data.where += ", the test images held out of the training images";
    }
    if (config_.limit > 0) {
      split = {.train = data::limit(split.train, config_.limit),
               .test = data::limit(split.test, config_.limit)};
    }
    return data;
  }

  void check_folder() const {
    const bool used = os::kind_of_file(folder_.resume()) != os::FileKind::none;
    require<ValueError>(!used || options_.resume || options_.overwrite, "--out: ", options_.out,
                        " holds a run; continue it with --resume, replace it with --overwrite, or "
                        "choose another folder");
  }

  data::LoaderOptions loader_options() const {
    std::vector<data::Transform> transforms{
        data::alternating_flip(),
        data::random_crop({.padding = recipe_.translate, .border = data::Border::reflect})};
    if (recipe_.cutout > 0) {
      transforms.push_back(data::cutout(
          {.size = recipe_.cutout, .inside = true, .fill = data::mean_colour(statistics_)}));
    }
    return {.batch = recipe_.batch,
            .shuffle = true,
            .seed = config_.seed,
            .drop_last = true,
            .transforms = std::move(transforms),
            .normalization = statistics_};
  }

  /// The first 5,000 training images, normalised.
  Tensor<float> first_images() const {
    const auto& images = data_.split.train;
    const data::Loader<float> loader(images, {.batch = std::min<Index>(5000, images.size()),
                                              .normalization = statistics_,
                                              .prefetch = 0});
    return (*loader.begin()).images;
  }

  /// What must be the same for a run to go on: all but where its data lies.
  std::string configuration() const {
    nlohmann::json config = config_;
    config.erase("data");
    config.erase("data_kind");
    if (config_.rnn == "none") {
      config.erase("rnn");
      config.erase("after");
    }
    if (config_.precision == "float") {
      config.erase("precision");
    }
    config["images"] = data_.split.train.size();
    config["mean"] = statistics_.mean;
    return config.dump();
  }

  train::CheckpointsOptions checkpoints_options() {
    const auto& images = data_.split.train;
    const auto card = make_card({.program = config_.program,
                                 .model = {.classes = images.classes()},
                                 .data_name = printable(images.name),
                                 .class_names = images.class_names,
                                 .preparation = data_.preparation,
                                 .mean = statistics_.mean,
                                 .standard_deviation = statistics_.standard_deviation,
                                 .precision = config_.precision},
                                config_);
    return {.folder = options_.out,
            .configuration = configuration(),
            .metadata = {{"cnnrnn", card.dump()}},
            .put = [this](io::RunState& more) { io::put_state(more, "slow.", slow_->state()); },
            .take =
                [this](const io::RunState& more) {
                  slow_->load_state(io::take_state<T>(more, "slow."));
                }};
  }

  /// Where the run begins. The files of an old run go away before the new configuration comes.
  train::TrainingState begin(train::Checkpoints<T>& checkpoints) const {
    train::TrainingState state;
    if (options_.resume) {
      state = checkpoints.resume();
      std::cout << "resumed: " << state.epoch << " epochs and " << state.batch
                << " batches are done" << std::endl;
    } else {
      program::remove_files({folder_.resume(), folder_.model(), folder_.history()});
    }
    program::remove_files({folder_.diverged()});
    io::write_text(folder_.config(), nlohmann::json(config_).dump(2) + "\n");
    return state;
  }

  train::TrainerOptions<T> trainer_options(train::Checkpoints<T>& checkpoints,
                                           const train::Interrupt& interrupt) {
    return {.steps = steps_,
            .loss = train::cross_entropy_loss<T>(
                {.label_smoothing = label_smoothing, .reduction = Reduction::sum}),
            .before_epoch =
                [this](const train::TrainingState& state) {
                  network_.set_requires_grad(state.epoch < whiten_epochs, "whiten.bias");
                  if (!begun_) {
                    begun_ = true;
                    progress_.begin(to_message("step"), steps_, state.step);
                  }
                },
            .before_update =
                [this](const train::TrainingState&) {
                  if (recipe_.muon) {
                    normalise_convolutions(network_);
                  }
                },
            .after_step = [this](const train::TrainingState& state) { after_step(state); },
            .after_evaluation = [this](const train::TrainingState& state) { report(state); },
            .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
            .save_batches = options_.checkpoint_every,
            .stop = [&] { return interrupt.requested(); },
            .progress = {.out = nullptr}};
  }

  void after_step(const train::TrainingState& state) {
    if (recipe_.lookahead) {
      look_ahead(*slow_, state.step, steps_);
    }
    progress_.update(state.step, recipe_.batch, [&] {
      const double tested = state.history.empty() ? NAN : state.history.back().test_accuracy;
      return to_message("training ", percent(state.running.accuracy()),
                        std::isnan(tested) ? "" : ", last test " + percent(tested));
    });
  }

  void report(const train::TrainingState& state) {
    const auto& row = state.history.back();
    progress_.line(to_message("epoch ", row.epoch, "  training ", percent(row.train_accuracy),
                              "  test ", percent(row.test_accuracy), "  ",
                              minutes(seconds(state))));
  }

  static double seconds(const train::TrainingState& state) {
    double sum = 0;
    for (const auto& row : state.history) {
      sum += row.seconds;
    }
    return sum;
  }

  /// Trains, and leaves a note in the folder if a loss is not finite.
  train::Ending train_to_the_end(train::Trainer<T>& trainer, train::TrainingState state) const {
    try {
      return trainer.run(std::move(state));
    } catch (const NumericError& error) {
      io::write_text(folder_.diverged(), std::string(error.what()) + '\n');
      throw;
    }
  }

  /// The test with mirrored and shifted images, and the line that all is about.
  void finish(const train::TrainingState& state) {
    train::TestTimeAugmentation<T> patient(network_, train::mirror_and_shift_views<T>());
    const double began = train::steady_seconds();
    const auto tested = train::evaluate(patient, *test_);
    const double took = train::steady_seconds() - began;
    std::cout << "model:   " << folder_.model() << "\nhistory: " << folder_.history() << '\n'
              << percent(tested.accuracy()) << " in " << minutes(seconds(state) + took)
              << std::endl;
  }

  Options options_;
  program::RunFolder folder_;
  Config config_;
  Recipe recipe_;
  data::OpenedDataset data_;
  data::ChannelStatistics statistics_;
  Random random_;
  Network<T> network_;
  std::optional<data::Loader<T>> train_;
  std::optional<data::Loader<T>> test_;
  Index steps_ = 0;
  std::unique_ptr<optim::Optimizer<T>> optimizer_;
  std::optional<optim::Lookahead<T>> slow_;
  train::Progress progress_;
  bool begun_ = false;
};

/// Trains with numbers of the precision that is asked for, and returns the program's exit code.
inline int train(const Options& options) {
  const Config config = options.resume ? resumed_config({options.out}, options) : options.config;
  return config.precision == "bfloat16" ? Run<bfloat16>(options, config).run()
                                        : Run<float>(options, config).run();
}

}  // namespace speedrun
