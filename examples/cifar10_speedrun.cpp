// 94, 95 or 96 % on CIFAR-10 in as little time as can be, by the recipes of airbench (Jordan 2024).
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "program/arguments.hpp"
#include "program/commands.hpp"
#include "program/processes.hpp"
#include "speedrun/run.hpp"
#include "speedrun/trained.hpp"

namespace {

void add_options(CLI::App& app, speedrun::Options& options) {
  auto& config = options.config;
  const auto entry = [&](const std::string& option, const std::string& name, auto& value,
                         const std::string& help) {
    return app.add_option(option, value, help)
        ->capture_default_str()
        ->each([&options, name](const std::string&) { options.given.insert(name); });
  };
  entry("--data", "data", config.data,
        "folder of CIFAR-10 or of another data set that the other programs take; auto: as there");
  entry("--data-kind", "data_kind", config.data_kind, "data set in that folder")
      ->check(CLI::IsMember(cnnrnn::data::dataset_kinds()));
  entry("--target", "target", config.target, "test accuracy that the recipe is for, in percent")
      ->check(CLI::IsMember({94, 95, 96}));
  entry("--optimizer", "optimizer", config.optimizer, "sgd, or muon for the target 94")
      ->check(CLI::IsMember({"sgd", "muon"}));
  entry("--rnn", "rnn", config.rnn, "recurrent layer that sweeps over a feature map, or none")
      ->check(CLI::IsMember({"none", "irnn", "gru", "lstm", "rnn", "relu_rnn", "conv_lstm"}));
  entry("--after", "after", config.after, "the group of convolutions that it is behind")
      ->check(CLI::Range(1, 3));
  entry("--epochs", "epochs", config.epochs,
        "passes over the training images, which need not be whole (0: as the recipe has them)")
      ->check(CLI::NonNegativeNumber);
  entry("--batch", "batch", config.batch, "images in a batch (0: as the recipe has it)")
      ->check(CLI::NonNegativeNumber);
  entry("--precision", "precision", config.precision, program::training_precision_help)
      ->check(CLI::IsMember(program::precision_names()));
  entry("--seed", "seed", config.seed, "seed of the weights and of the order")
      ->check(CLI::NonNegativeNumber);
  entry("--holdout", "holdout", config.holdout,
        "hold out so many training images and test on them alone (0: none)")
      ->check(CLI::NonNegativeNumber);
  entry("--limit", "limit", config.limit, "use so many images of each part (0: all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--out", options.out, "folder for checkpoints and history")->capture_default_str();
  app.add_flag("--resume", options.resume, "go on where the run in --out stopped");
  app.add_flag("--overwrite", options.overwrite, "replace a run in --out")->excludes("--resume");
  app.add_option("--checkpoint-every", options.checkpoint_every,
                 "save every so many batches too (0: after each epoch)")
      ->check(CLI::NonNegativeNumber);
  program::add_threads(app, options.threads);
}

CLI::App* add_export(CLI::App& app, speedrun::ExportOptions& options) {
  CLI::App* const command =
      app.add_subcommand("export", "write a saved network in bfloat16, half the size");
  command->add_option("--checkpoint", options.checkpoint, "checkpoint.safetensors of a run")
      ->required();
  command->add_option("--out", options.out, "file to write")->required();
  return command;
}

struct Commands {
  const CLI::App& app;
  speedrun::Options training;
  program::EvaluateOptions evaluation;
  program::PredictOptions prediction;
  speedrun::ExportOptions copy;
  const CLI::App *evaluate, *predict, *write;

  explicit Commands(CLI::App& whole) : app(whole) {
    whole.require_subcommand(0, 1);
    add_options(whole, training);
    evaluate = program::add_evaluate(whole, evaluation, training.threads);
    predict = program::add_predict(whole, prediction, training.threads);
    write = add_export(whole, copy);
  }

  /// Options of the training are no options of a command.
  void require_no_training() const {
    std::string names;
    for (const CLI::Option* const option : app.get_options()) {
      names += option->count() > 0 ? ' ' + option->get_name() : "";
    }
    cnnrnn::require<cnnrnn::ValueError>(
        names.empty(), "expected the options of a command behind it, got in front of it", names);
  }

  int run() const {
    if (!app.get_subcommands().empty()) {
      require_no_training();
    }
    const int started = program::processes_started();
    cnnrnn::require<cnnrnn::ValueError>(started == 1, "mpirun: expected one process, got ",
                                        started);
    cnnrnn::set_threads(training.threads);
    if (evaluate->parsed()) {
      return program::evaluate(speedrun::classifier_of(evaluation.checkpoint), evaluation);
    }
    if (predict->parsed()) {
      return program::predict(speedrun::classifier_of(prediction.checkpoint), prediction);
    }
    return write->parsed() ? speedrun::export_model(copy) : speedrun::train(training);
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Trains for 94, 95 or 96 % on CIFAR-10 by the recipes of airbench (Jordan 2024). Commands "
      "use "
      "what it has saved.",
      "cifar10_speedrun");
  const Commands commands(app);
  try {
    program::parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    const int code = commands.run();
    cnnrnn::require<cnnrnn::FileError>(static_cast<bool>(std::cout.flush()),
                                       "cannot write to standard output");
    return code;
  } catch (const cnnrnn::ValueError& error) {
    std::cerr << "cifar10_speedrun: " << cnnrnn::printable(error.what()) << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "cifar10_speedrun: " << cnnrnn::printable(error.what()) << std::endl;
    return 1;
  }
}
