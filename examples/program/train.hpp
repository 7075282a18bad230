#pragma once

#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cnnrnn/data/fingerprint.hpp"
#include "cnnrnn/data/open_dataset.hpp"
#include "cnnrnn/train/checkpoints.hpp"
#include "cnnrnn/train/interrupt.hpp"
#include "program/model_file.hpp"
#include "program/processes.hpp"
#include "program/recipe.hpp"
#include "program/run_folder.hpp"
#include "program/terminal.hpp"

namespace program {

/// Where a run keeps its files, and how it is run; none of it changes what is computed.
struct TrainOptions {
  RunConfig config;
  std::set<std::string> given;  ///< entries of the configuration that the user named
  std::string out;
  int threads = 0;
  bool resume = false;
  bool overwrite = false;
  cnnrnn::Index checkpoint_every = 0;  ///< batches; 0: at the end of each epoch only
  cnnrnn::data::ImageLimits image_limits = {};
};

/// What a training run computes, which all its processes agree on, before any of it is there.
class AgreedRun {
 public:
  /// Throws ValueError when the processes were asked for something else.
  AgreedRun(const TrainOptions& options, Processes& processes)
      : options_(options), processes_(processes), folder_{options.out}, config_(agreed_config()) {}

  const RunConfig& config() const { return config_; }

 protected:
  TrainOptions options_;
  Processes& processes_;
  RunFolder folder_;
  RunConfig config_;

 private:
  /// What all processes compute. Throws ValueError when they were asked for something else.
  RunConfig agreed_config() const {
    nlohmann::json asked = options_.config;
    asked["resume"] = options_.resume;
    asked["instruction set"] = cnnrnn::kernels::build_info().instruction_set;
    asked.erase("data");  // a path; what is there is compared later
    processes_.require_same("options", asked.dump(), differing_options);
    // A path that is not UTF-8 is refused later, in the user's own words.
    constexpr auto replace = nlohmann::json::error_handler_t::replace;
    const std::string config =
        processes_.leads() ? nlohmann::json(own_config()).dump(-1, ' ', false, replace) : "";
    RunConfig agreed = nlohmann::json::parse(processes_.broadcast(config)).get<RunConfig>();
    agreed.data =
        options_.resume && !options_.given.contains("data") ? agreed.data : options_.config.data;
    return agreed;
  }

  /// "batch: 16 on rank 0, 8 on rank 3"
  static std::string differing_options(const std::string& first, const std::string& other,
                                       cnnrnn::Index rank) {
    std::string text;
    for (const std::string& difference :
         differences(nlohmann::json::parse(first), nlohmann::json::parse(other), {}, "on rank 0",
                     cnnrnn::to_message("on rank ", rank))) {
      text += (text.empty() ? "" : "; ") + difference;
    }
    return text;
  }

  RunConfig own_config() const {
    if (options_.resume) {
      return resumed_config(folder_, options_.config, options_.given);
    }
    RunConfig config = options_.config;
    follow_recipe(config, options_.given);
    if (!options_.given.contains("shards")) {
      config.shards = processes_.size();
    }
    return config;
  }
};

/// A training run of an example program, from its options to its files. Several processes may share
/// it; the first has the folder, and gives the others what they need of it.
template <class T>
class TrainingRun : private AgreedRun {
 public:
  TrainingRun(const Classifier& classifier, const AgreedRun& agreed)
      : AgreedRun(agreed), data_(open_data()), random_(config_.seed) {
    if (processes_.leads()) {
      check_folder();
    }
    require_utf8(config_.data);
    require_same_data();
    config_.model.classes = data_.split.train.classes();
    model_ = classifier.maker<T>()(config_.model, random_);
    card_ = make_card(classifier);
    optimizer_ = make_optimizer(config_, *model_);
  }

  /// Trains, and returns the program's exit code: 130 after Ctrl-C.
  int run() {
    using namespace cnnrnn;
    print_data(data_);
    warn_of_constant_channels();
    print_setup(*model_);
    const auto together = share();
    print_sharing();
    std::optional<train::Checkpoints<T>> checkpoints;
    train::TrainingState state;
    if (processes_.leads()) {
      checkpoints.emplace(*model_, *optimizer_,
                          train::CheckpointsOptions{.folder = options_.out,
                                                    .configuration = configuration(),
                                                    .metadata = card_metadata(card_)});
    }
    const train::Interrupt interrupt;
    train::Trainer<T> trainer(*model_, *optimizer_, train_loader(), test_loader(),
                              trainer_options(checkpoints, interrupt, together.get()));
    if (processes_.leads()) {
      state = begin(*checkpoints);
    }
    processes_.broadcast(*model_, *optimizer_, state);
    const std::string reached = end_of(state);
    if (!reached.empty()) {
      std::cout << "nothing to do: " << reached << std::endl;
    } else if (train(trainer, std::move(state)) == train::Ending::stopped) {
      std::cout << "stopped after " << trainer.state().epoch << " epochs and "
                << trainer.state().batch << " batches, and saved; go on with: train --resume --out "
                << options_.out << std::endl;
      return 130;
    }
    std::cout << "model:   " << folder_.model() << "\nhistory: " << folder_.history() << std::endl;
    return 0;
  }

 private:
  /// What the trainer needs to share batches; none if there is nothing to share.
  std::unique_ptr<cnnrnn::train::Processes<T>> share() const {
    return processes_.share(*model_, {.shards = config_.shards,
                                      .sync_batch_norm = config_.sync_batch_norm,
                                      .bfloat16 = config_.gradients == "bf16"});
  }

  void require_same_data() const {
    if (processes_.size() > 1) {
      const auto text = [](const cnnrnn::data::ImageDataset& part) {
        return cnnrnn::to_message(part.size(), " images (", part.name, ", fingerprint ",
                                  cnnrnn::data::fingerprint(part), ')');
      };
      const auto& [train, test] = data_.split;
      processes_.require_same("data", text(train) + " and " + text(test), {});
    }
  }

  void print_sharing() const {
    if (config_.shards > 1) {
      std::cout << "shards:  " << config_.shards << " of a batch, on " << processes_.size()
                << (processes_.size() > 1 ? " processes" : " process") << std::endl;
    }
  }

  /// Where the run begins. The files of an old run go away before the new configuration comes: a
  /// new run must not be resumed from what an old one left.
  cnnrnn::train::TrainingState begin(cnnrnn::train::Checkpoints<T>& checkpoints) const {
    cnnrnn::train::TrainingState state;
    if (options_.resume) {
      state = resume(checkpoints);
      std::cout << "resumed: " << state.epoch << " epochs and " << state.batch
                << " batches are done" << std::endl;
    } else {
      remove_files({folder_.resume(), folder_.model(), folder_.history()});
    }
    remove_files({folder_.diverged(), folder_.unreadable()});
    cnnrnn::io::write_text(folder_.config(), nlohmann::json(config_).dump(2) + "\n");
    if (!data_.left_out.unreadable.empty()) {
      std::string lines;
      for (const std::string& file : data_.left_out.unreadable) {
        lines += cnnrnn::printable(file) + '\n';
      }
      cnnrnn::io::write_text(folder_.unreadable(), lines);
    }
    return state;
  }

  static cnnrnn::train::TrainingState resume(cnnrnn::train::Checkpoints<T>& checkpoints) {
    try {
      return checkpoints.resume();
    } catch (const cnnrnn::FileError& error) {
      throw cnnrnn::FileError(std::string(error.what()) +
                              ". Give it the same data and options, or begin a new run with "
                              "--overwrite or in another --out");
    }
  }

  /// config.json names the data, and JSON is UTF-8.
  static void require_utf8(const std::string& data) {
    cnnrnn::require<cnnrnn::ValueError>(
        cnnrnn::is_printable(data),
        "--data: expected a path in UTF-8 without control characters, got ",
        cnnrnn::printable(data));
  }

  void warn_of_constant_channels() const {
    for (std::size_t channel = 0; channel < card_.standard_deviation.size(); ++channel) {
      if (card_.standard_deviation[channel] == 1) {
        std::cout << "WARNING: channel " << channel << " (of red, green, blue from 0) is "
                  << card_.mean[channel]
                  << " in (nearly) all pixels of the training images: it is centred, not scaled\n";
      }
    }
  }

  /// Trains, and leaves a note in the folder if a loss is not finite.
  cnnrnn::train::Ending train(cnnrnn::train::Trainer<T>& trainer,
                              cnnrnn::train::TrainingState state) const {
    try {
      return trainer.run(std::move(state));
    } catch (const cnnrnn::NumericError& error) {
      if (processes_.leads()) {
        cnnrnn::io::write_text(folder_.diverged(), std::string(error.what()) + '\n');
      }
      throw;
    }
  }

  /// Why a run that stands at `state` is at its end; nothing if it is not.
  std::string end_of(const cnnrnn::train::TrainingState& state) const {
    using cnnrnn::to_message;
    if (state.epoch >= config_.epochs) {
      return to_message(state.epoch, " of ", config_.epochs,
                        " epochs are done; ask for more with --epochs");
    }
    if (state.batch == 0 && accurate(state)) {
      return to_message("the training accuracy has reached ", config_.stop_at_train_accuracy,
                        "; ask for more with --stop-at-train-accuracy");
    }
    return "";
  }

  bool accurate(const cnnrnn::train::TrainingState& state) const {
    return config_.stop_at_train_accuracy > 0 && !state.history.empty() &&
           state.history.back().train_accuracy >= config_.stop_at_train_accuracy;
  }

  cnnrnn::data::OpenedDataset open_data() const {
    auto data = cnnrnn::data::open_dataset(
        config_.data, {.kind = config_.data_kind,
                       .skip_unreadable = config_.skip_unreadable,
                       .image = {.limits = options_.image_limits,
                                 .ignore_orientation = config_.ignore_orientation}});
    auto& split = data.split;
    if (config_.holdout > 0) {
      split = cnnrnn::data::hold_out(split.train, config_.holdout, config_.seed);
      data.where += ", the test images held out of the training images";
    }
    if (config_.limit > 0) {
      split = {.train = cnnrnn::data::limit(split.train, config_.limit),
               .test = cnnrnn::data::limit(split.test, config_.limit)};
    }
    return data;
  }

  void check_folder() const {
    using namespace cnnrnn;
    const bool used = os::kind_of_file(folder_.resume()) != os::FileKind::none;
    require<ValueError>(!used || options_.resume || options_.overwrite, "--out: ", options_.out,
                        " holds a run; continue it with --resume, replace it with --overwrite, or "
                        "choose another folder");
  }

  ModelCard make_card(const Classifier& classifier) const {
    const auto& train = data_.split.train;
    const auto statistics = data_.kind == "cifar10" ? cnnrnn::data::cifar10_statistics()
                                                    : cnnrnn::data::channel_statistics(train);
    return {classifier.name,
            config_.model,
            cnnrnn::printable(train.name),
            train.class_names,
            data_.preparation,
            statistics.mean,
            statistics.standard_deviation,
            config_.ignore_orientation,
            config_.precision};
  }

  cnnrnn::data::Loader<T> train_loader() const {
    using namespace cnnrnn::data;
    LoaderOptions options{.batch = std::min(config_.batch, data_.split.train.size()),
                          .shuffle = true,
                          .seed = config_.seed,
                          .drop_last = true,
                          .normalization = card_.statistics()};
    if (config_.augment) {
      options.transforms = {random_crop(4), random_flip()};
    }
    return Loader<T>(data_.split.train, options);
  }

  cnnrnn::data::Loader<T> test_loader() const {
    return cnnrnn::data::Loader<T>(data_.split.test,
                                   {.batch = 256, .normalization = card_.statistics()});
  }

  cnnrnn::optim::Schedule schedule() const {
    const cnnrnn::Index batches =
        std::max<cnnrnn::Index>(1, data_.split.train.size() / config_.batch);
    return make_schedule(config_, config_.epochs * batches);
  }

  cnnrnn::train::TrainerOptions<T> trainer_options(
      std::optional<cnnrnn::train::Checkpoints<T>>& checkpoints,
      const cnnrnn::train::Interrupt& interrupt, cnnrnn::train::Processes<T>* together) const {
    return {
        .epochs = config_.epochs,
        .loss = cnnrnn::train::cross_entropy_loss<T>({.label_smoothing = config_.label_smoothing}),
        .schedule = schedule(),
        .clip_norm = config_.clip_norm,
        .save = [&](const auto& state) { checkpoints->save(state); },
        .save_batches = options_.checkpoint_every,
        .after_epoch = [this](const auto& state) { return !accurate(state); },
        .stop = [&] { return interrupt.requested(); },
        .processes = together};
  }

  /// What must be the same for a run to go on: all but its length and where its data lies. A
  /// schedule takes its course from the number of epochs. Runs from before some entries were a
  /// choice go on too.
  std::string configuration() const {
    nlohmann::json config = config_;
    for (const char* const where : {"data", "data_kind", "skip_unreadable"}) {
      config.erase(where);
    }
    config.erase("stop_at_train_accuracy");
    if (config_.schedule == "constant") {
      config.erase("epochs");
    }
    erase_older(config, older_entries());
    erase_older(config["model"], older_model_entries());
    if (config_.holdout > 0 || config_.limit > 0) {
      config["chosen"] = "by class";  // earlier versions chose other images
    }
    config["images"] = data_.split.train.size();
    config["classes"] = card_.class_names;
    config["mean"] = card_.mean;
    return config.dump();
  }

  /// Takes out what has the value that it had before it was a choice.
  static void erase_older(nlohmann::json& config, const nlohmann::json& older) {
    for (const auto& [name, value] : older.items()) {
      const auto entry = config.find(name);
      if (entry != config.end() && *entry == value) {
        config.erase(entry);
      }
    }
  }

  cnnrnn::data::OpenedDataset data_;
  cnnrnn::Random random_;
  std::unique_ptr<cnnrnn::nn::Layer<T>> model_;
  ModelCard card_;
  std::unique_ptr<cnnrnn::optim::Optimizer<T>> optimizer_;
};

}  // namespace program
