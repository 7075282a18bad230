#include "program/run.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <thread>

#include "program/arguments.hpp"
#include "program/commands.hpp"
#include "program/processes.hpp"
#include "program/train.hpp"

namespace program {

namespace {

const CLI::Validator share(
    [](std::string& text) {
      double value = 0;
      const bool fits = CLI::detail::lexical_cast(text, value) && value >= 0 && value <= 1;
      return fits ? std::string() : "expected a share from 0 to 1, got " + text;
    },
    "0 to 1");
const CLI::Validator share_below_one(
    [](std::string& text) {
      double value = 0;
      const bool fits = CLI::detail::lexical_cast(text, value) && value >= 0 && value < 1;
      return fits ? std::string() : "expected a share of at least 0 and below 1, got " + text;
    },
    "0 to below 1");
CLI::App* add_train(CLI::App& app, const Classifier& classifier, TrainOptions& options) {
  CLI::App* const train = app.add_subcommand("train", "train a model and test it after each epoch");
  RunConfig& config = options.config;
  const auto entry = [&, train](const std::string& option, const std::string& name, auto& value,
                                const std::string& help) {
    return train->add_option(option, value, help)
        ->capture_default_str()
        ->each([&options, name](const std::string&) { options.given.insert(name); });
  };
  entry("--data", "data", config.data, data_help);
  entry("--data-kind", "data_kind", config.data_kind, kind_help)
      ->check(CLI::IsMember(cnnrnn::data::dataset_kinds()));
  train->add_flag("--skip-unreadable", config.skip_unreadable, skip_help)
      ->each([&options](const std::string&) { options.given.insert("skip_unreadable"); });
  entry("--rnn", "rnn", config.model.rnn, "cell that reads feature maps; none: the plain network")
      ->check(CLI::IsMember(classifier.rnns));
  entry(
      "--join", "join", config.model.join,
      "how it joins the network: a tap gives the last states of rows of patches to the last dense "
      "layer, a readout states of rows and columns, pooled over the map; a sweep adds states of "
      "rows and columns to the map itself")
      ->check(CLI::IsMember(classifier.joins));
  entry(
      "--after", "after", config.model.after,
      "stages whose maps it reads: all, or as in 1 and 1,3; default: taps all, readouts the last, "
      "sweeps the one with maps of 8x8");
  entry("--peepholes", "peepholes", config.model.peepholes,
        "cell state that the gates see: none, or for the output gate the current one or the "
        "previous one, as the paper prints it; default: lstm none, convlstm current")
      ->check(CLI::IsMember(classifier.peepholes));
  entry("--wavelet", "wavelet", config.model.wavelet, "wavelet before the taps")
      ->check(CLI::IsMember(classifier.wavelets));
  entry("--taps", "taps", config.model.taps, "stages that are tapped: all, or as in 1 and 1,3");
  entry(
      "--control", "control", config.model.control,
      "what the network has in place of an rnn, to compare with: a convolution where a sweep would "
      "be, or hidden dense layers of twice the width")
      ->check(CLI::IsMember(classifier.controls));
  entry("--dropout", "dropout", config.model.dropout,
        "dropout of what goes into the last dense layer")
      ->check(share_below_one);
  entry("--epochs", "epochs", config.epochs, "passes over the training images")->check(positive);
  entry("--stop-at-train-accuracy", "stop_at_train_accuracy", config.stop_at_train_accuracy,
        "end after the first epoch with this accuracy on the training images (0: never)")
      ->check(share);
  entry("--batch", "batch", config.batch, "images in a batch")->check(positive);
  entry("--shards", "shards", config.shards,
        "equal parts of a batch that processes share, 1, 2, 4, ...; each has batch norm of its own")
      ->check(positive)
      ->default_str("as many as processes");
  train
      ->add_flag("--sync-batch-norm", config.sync_batch_norm,
                 "batch norm over all shards of a batch, not for each")
      ->each([&options](const std::string&) { options.given.insert("sync_batch_norm"); });
  entry("--gradients", "gradients", config.gradients, "how they travel between processes")
      ->check(CLI::IsMember({"float", "bf16"}));
  entry("--precision", "precision", config.precision, training_precision_help)
      ->check(CLI::IsMember(precision_names()));
  entry("--recipe", "recipe", config.recipe,
        "paper: the defaults of the options below; modern: --optimizer adamw --lr 0.003 "
        "--weight-decay 0.05 --rnn-l2 0 --schedule one-cycle --label-smoothing 0.1 --augment, but "
        "for those that are given")
      ->check(CLI::IsMember(recipe_names()));
  entry("--optimizer", "optimizer", config.optimizer, "what changes the weights")
      ->check(CLI::IsMember(optimizer_names()));
  entry("--lr", "learning_rate", config.learning_rate, "learning rate, at its peak")
      ->check(positive);
  entry("--momentum", "momentum", config.momentum, "momentum of sgd")->check(share_below_one);
  entry("--weight-decay", "weight_decay", config.weight_decay,
        "weight decay: of adamw decoupled, else an L2 term")
      ->check(not_negative);
  entry("--schedule", "schedule", config.schedule, "course of the learning rate")
      ->check(CLI::IsMember(schedule_names()));
  entry("--label-smoothing", "label_smoothing", config.label_smoothing,
        "share of a label that is spread over all classes")
      ->check(share);
  entry("--rnn-l2", "rnn_l2", config.rnn_l2,
        "weight decay of the recurrent weights, beside that of all")
      ->check(not_negative);
  entry("--clip-norm", "clip_norm", config.clip_norm, "greatest norm of the gradients (0: any)")
      ->check(not_negative);
  train
      ->add_flag("--augment,!--no-augment", config.augment,
                 "random crops and flips of the training images")
      ->each([&options](const std::string&) { options.given.insert("augment"); });
  entry("--seed", "seed", config.seed, "seed of the weights and of the order")->check(not_negative);
  entry("--holdout", "holdout", config.holdout,
        "hold out so many training images, of every class in proportion, chosen by the seed, and "
        "test on them alone (0: none)")
      ->check(not_negative);
  entry("--limit", "limit", config.limit,
        "use so many images of each part, of every class in proportion (0: all)")
      ->check(not_negative);
  add_ignore_orientation(*train, config.ignore_orientation)->each([&options](const std::string&) {
    options.given.insert("ignore_orientation");
  });
  add_image_limit(*train, options.image_limits);
  train->add_option("--out", options.out, "folder for checkpoints and history")
      ->capture_default_str();
  train->add_flag("--resume", options.resume, "go on where the run in --out stopped");
  train->add_flag("--overwrite", options.overwrite, "replace a run in --out")->excludes("--resume");
  train
      ->add_option("--checkpoint-every", options.checkpoint_every,
                   "save every so many batches too (0: after each epoch)")
      ->check(not_negative);
  add_threads(*train, options.threads);
  return train;
}

/// Takes what is printed, and keeps nothing.
class Silence : public std::streambuf {
 protected:
  int_type overflow(int_type character) override { return traits_type::not_eof(character); }
};

/// While it lives, standard output is that of the first process alone.
class OneVoice {
 public:
  explicit OneVoice(const Processes& processes) {
    if (!processes.leads()) {
      before_ = std::cout.rdbuf(&silence_);
    }
  }
  ~OneVoice() {
    if (before_ != nullptr) {
      std::cout.rdbuf(before_);
    }
  }
  OneVoice(const OneVoice&) = delete;
  OneVoice& operator=(const OneVoice&) = delete;

 private:
  Silence silence_;
  std::streambuf* before_ = nullptr;
};

/// Says why the program ends, and ends all its processes. Of several that fail at once the first is
/// to speak: the others give it time.
int fail_with(Processes& processes, const std::string& text, int code) {
  if (!processes.leads()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 20 * processes.rank()));
  }
  std::cerr << text << std::flush;
  processes.abort(code);
  return code;
}

int fail(Processes& processes, const std::string& name, const char* why, int code) {
  const std::string rank =
      processes.leads() ? "" : cnnrnn::to_message(" on rank ", processes.rank());
  return fail_with(processes, name + rank + ": " + cnnrnn::printable(why) + '\n', code);
}

int train_model(const Classifier& classifier, const TrainOptions& options, Processes& processes) {
  const AgreedRun run(options, processes);
  return run.config().precision == "bfloat16" ? TrainingRun<cnnrnn::bfloat16>(classifier, run).run()
                                              : TrainingRun<float>(classifier, run).run();
}

}  // namespace

int run(int argc, char** argv, const Classifier& classifier) {
  const auto processes = join_processes();
  const OneVoice voice(*processes);
  CLI::App app(classifier.summary, classifier.name);
  app.require_subcommand(1);
  TrainOptions train;
  train.out = "runs/" + classifier.name;
  train.config.program = classifier.name;
  train.given = {"program"};
  EvaluateOptions evaluation;
  PredictOptions prediction;
  const CLI::App* const train_command = add_train(app, classifier, train);
  const CLI::App* const evaluate_command = add_evaluate(app, evaluation, train.threads);
  add_predict(app, prediction, train.threads);
  try {
    parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream why;
    const bool asked = app.exit(error, std::cout, why) == 0;
    return asked ? 0 : fail_with(*processes, why.str(), 2);
  }
  if (!train_command->parsed() && !processes->leads()) {
    return 0;  // one process is enough
  }
  try {
    require_known_launcher(*processes);
    cnnrnn::set_threads(train.threads);
    const int code = train_command->parsed()      ? train_model(classifier, train, *processes)
                     : evaluate_command->parsed() ? evaluate(classifier, evaluation)
                                                  : predict(classifier, prediction);
    cnnrnn::require<cnnrnn::FileError>(static_cast<bool>(std::cout.flush()),
                                       "cannot write to standard output");
    return code;
  } catch (const cnnrnn::ValueError& error) {
    return fail(*processes, classifier.name, error.what(), 2);
  } catch (const std::exception& error) {
    return fail(*processes, classifier.name, error.what(), 1);
  }
}

}  // namespace program
