#pragma once

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "cnnrnn/data/open_dataset.hpp"
#include "cnnrnn/train/checkpoints.hpp"
#include "cnnrnn/train/interrupt.hpp"
#include "program/model_file.hpp"
#include "program/terminal.hpp"
#include "program/text_file.hpp"

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
};

/// The files of a run in its folder.
struct RunFolder {
  std::string folder;

  std::string config() const { return folder + "/config.json"; }
  std::string resume() const { return folder + "/resume.safetensors"; }
  std::string model() const { return folder + "/checkpoint.safetensors"; }
  std::string history() const { return folder + "/history.csv"; }
};

/// The configuration that a run in `folder` was started with. Throws FileError.
inline RunConfig read_config(const RunFolder& folder) {
  try {
    return nlohmann::json::parse(read_text(folder.config())).get<RunConfig>();
  } catch (const nlohmann::json::exception& error) {
    throw cnnrnn::FileError(folder.config() + ": expected a configuration, got " + error.what());
  }
}

/// What a resumed run computes: as it was started, but with as many epochs as now asked for. Throws
/// ValueError when the user asks for anything else.
inline RunConfig resumed_config(const TrainOptions& options, const RunFolder& folder) {
  RunConfig config = read_config(folder);
  const nlohmann::json asked = options.config;
  nlohmann::json now = config;
  for (const std::string& name : options.given) {
    const bool of_model = name == "rnn" || name == "wavelet";
    (of_model ? now["model"] : now)[name] = (of_model ? asked["model"] : asked).at(name);
  }
  const auto changed = differences(config, now.get<RunConfig>(), {"epochs", "data"});
  cnnrnn::require<cnnrnn::ValueError>(changed.empty(), "--resume: expected the options of ",
                                      folder.config(), ", got ",
                                      changed.empty() ? "" : changed.front());
  return now.get<RunConfig>();
}

/// A training run of an example program, from its options to its files.
class TrainingRun {
 public:
  TrainingRun(const Classifier& classifier, const TrainOptions& options)
      : options_(options),
        folder_{options.out},
        config_(options.resume ? resumed_config(options, folder_) : options.config),
        data_(open_data()),
        random_(config_.seed) {
    check_folder();
    config_.model.classes = data_.split.train.classes();
    model_ = classifier.make(config_.model, random_);
    card_ = make_card(classifier);
    optimizer_.emplace(parameter_groups(*model_, config_.rnn_l2),
                       cnnrnn::optim::AdamOptions{.learning_rate = config_.learning_rate});
  }

  /// Trains, and returns the program's exit code: 130 after Ctrl-C.
  int run() {
    using namespace cnnrnn;
    std::cout << "data:    " << data_.describe() << '\n';
    print_setup(*model_);
    train::Checkpoints<float> checkpoints(*model_, *optimizer_,
                                          {.folder = options_.out,
                                           .configuration = configuration(),
                                           .metadata = card_metadata(card_)});
    const train::Interrupt interrupt;
    train::Trainer<float> trainer(*model_, *optimizer_, train_loader(), test_loader(),
                                  trainer_options(checkpoints, interrupt));
    train::TrainingState state;
    if (options_.resume) {
      state = checkpoints.resume();
      std::cout << "resumed: " << state.epoch << " epochs and " << state.batch
                << " batches are done" << std::endl;
    } else {
      remove_old_run();
    }
    io::write_text(folder_.config(), nlohmann::json(config_).dump(2) + "\n");
    if (state.epoch >= config_.epochs) {
      std::cout << "nothing to do: " << state.epoch << " of " << config_.epochs
                << " epochs are done; ask for more with --epochs" << std::endl;
    }
    if (trainer.run(std::move(state)) == train::Ending::stopped) {
      std::cout << "stopped after " << trainer.state().epoch << " epochs and "
                << trainer.state().batch << " batches, and saved; go on with: train --resume --out "
                << options_.out << std::endl;
      return 130;
    }
    std::cout << "model:   " << folder_.model() << "\nhistory: " << folder_.history() << std::endl;
    return 0;
  }

 private:
  cnnrnn::data::OpenedDataset open_data() const {
    auto data = cnnrnn::data::open_dataset(config_.data);
    if (config_.limit > 0) {
      data.split.train = cnnrnn::data::limit(data.split.train, config_.limit);
      data.split.test = cnnrnn::data::limit(data.split.test, config_.limit);
    }
    return data;
  }

  void check_folder() const {
    using namespace cnnrnn;
    const bool used = std::filesystem::exists(folder_.resume());
    require<ValueError>(!used || options_.resume || options_.overwrite, "--out: ", options_.out,
                        " holds a run; continue it with --resume, replace it with --overwrite, or "
                        "choose another folder");
  }

  /// A new run must not be resumed from what an old one left. The old run's files go away before
  /// the new configuration comes.
  void remove_old_run() const {
    for (const auto& file : {folder_.resume(), folder_.model(), folder_.history()}) {
      std::error_code error;
      std::filesystem::remove(file, error);
      cnnrnn::require<cnnrnn::FileError>(!error, file, ": cannot remove: ", error.message());
    }
  }

  ModelCard make_card(const Classifier& classifier) const {
    const auto& train = data_.split.train;
    const auto statistics = train.name == "CIFAR-10" ? cnnrnn::data::cifar10_statistics()
                                                     : cnnrnn::data::channel_statistics(train);
    return {classifier.name,   config_.model,   train.name,
            train.class_names, statistics.mean, statistics.standard_deviation};
  }

  cnnrnn::data::Loader<float> train_loader() const {
    using namespace cnnrnn::data;
    LoaderOptions options{.batch = std::min(config_.batch, data_.split.train.size()),
                          .shuffle = true,
                          .seed = config_.seed,
                          .drop_last = true,
                          .normalization = card_.statistics()};
    if (config_.augment) {
      options.transforms = {random_crop(4), random_flip()};
    }
    return Loader<float>(data_.split.train, options);
  }

  cnnrnn::data::Loader<float> test_loader() const {
    return cnnrnn::data::Loader<float>(data_.split.test,
                                       {.batch = 256, .normalization = card_.statistics()});
  }

  cnnrnn::optim::Schedule schedule() const {
    using namespace cnnrnn::optim;
    const cnnrnn::Index steps =
        config_.epochs * std::max<cnnrnn::Index>(1, data_.split.train.size() / config_.batch);
    if (config_.schedule == "cosine") {
      return cosine_schedule({.steps = steps});
    }
    return config_.schedule == "one-cycle" ? one_cycle_schedule({.steps = steps})
                                           : constant_schedule();
  }

  cnnrnn::train::TrainerOptions<float> trainer_options(
      cnnrnn::train::Checkpoints<float>& checkpoints,
      const cnnrnn::train::Interrupt& interrupt) const {
    return {.epochs = config_.epochs,
            .schedule = schedule(),
            .clip_norm = config_.clip_norm,
            .save = [&](const auto& state) { checkpoints.save(state); },
            .save_batches = options_.checkpoint_every,
            .stop = [&] { return interrupt.requested(); }};
  }

  /// What must be the same for a run to go on: all but its length and where its data lies.
  std::string configuration() const {
    nlohmann::json config = config_;
    config.erase("data");
    if (config_.schedule == "constant") {
      config.erase("epochs");
    }
    config["images"] = data_.split.train.size();
    config["classes"] = card_.class_names;
    config["mean"] = card_.mean;
    return config.dump();
  }

  TrainOptions options_;
  RunFolder folder_;
  RunConfig config_;
  cnnrnn::data::OpenedDataset data_;
  cnnrnn::Random random_;
  std::unique_ptr<Classifier::Model> model_;
  ModelCard card_;
  std::optional<cnnrnn::optim::Adam<float>> optimizer_;
};

}  // namespace program
