#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

#include "program/evaluate.hpp"
#include "program/image_options.hpp"
#include "program/predict.hpp"

namespace program {

/// A check of an option: a finite number above `least`, or that itself if it is inclusive.
inline CLI::Validator finite_above(double least, bool inclusive) {
  return CLI::Validator(
      [=](std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
        const bool fits = number && (value > least || (inclusive && value == least));
        return fits ? std::string()
                    : "expected a " +
                          std::string(inclusive ? "number of 0 or more" : "positive number") +
                          ", got " + text;
      },
      inclusive ? "0 or more" : "positive");
}

inline const CLI::Validator positive = finite_above(0, false);
inline const CLI::Validator not_negative = finite_above(0, true);

inline void add_threads(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "threads (0: as many as OpenMP offers)")
      ->check(CLI::Range(0, cnnrnn::most_threads))
      ->capture_default_str();
}

inline constexpr const char* data_help =
    "folder of CIFAR-10, CIFAR-100, MNIST, Fashion-MNIST, or of images by class; auto: what "
    "$CNNRNN_DATA_DIR names, else CIFAR-10 from ./data, else Fashion-MNIST from Debian's package, "
    "else drawn images";
inline constexpr const char* kind_help =
    "data set in that folder; auto: known by its files and labels; idx: any in MNIST's format";
inline constexpr const char* skip_help = "leave out image files that cannot be read, and name them";

inline constexpr const char* training_precision_help =
    "numbers of parameters, activations and gradients; sums, and what is trained of the weights, "
    "are float in any case";

inline void add_precision(CLI::App& command, std::string& precision) {
  command.add_option("--precision", precision, "numbers of parameters and activations")
      ->check(CLI::IsMember(precision_names()))
      ->default_str("that of the training");
}

inline CLI::App* add_evaluate(CLI::App& app, EvaluateOptions& options, int& threads) {
  CLI::App* const command = app.add_subcommand("evaluate", "test a saved model");
  command->add_option("--checkpoint", options.checkpoint, "checkpoint.safetensors of a run")
      ->required();
  command->add_option("--data", options.data, data_help)->capture_default_str();
  command->add_option("--data-kind", options.data_kind, kind_help)
      ->check(CLI::IsMember(cnnrnn::data::dataset_kinds()))
      ->capture_default_str();
  command->add_flag("--skip-unreadable", options.skip_unreadable, skip_help);
  add_precision(*command, options.precision);
  command->add_option("--batch", options.batch, "images in a batch")
      ->check(positive)
      ->capture_default_str();
  command->add_option("--limit", options.limit, "use so many test images (0: all)")
      ->check(not_negative);
  command->add_option("--samples", options.samples, "write the first test images and predictions")
      ->check(not_negative);
  command->add_option("--out", options.out, "folder for the samples")->capture_default_str();
  add_image_options(*command, options.image);
  add_threads(*command, threads);
  return command;
}

inline CLI::App* add_predict(CLI::App& app, PredictOptions& options, int& threads) {
  CLI::App* const command = app.add_subcommand("predict", "name what is on image files");
  command->add_option("--checkpoint", options.checkpoint, "checkpoint.safetensors of a run")
      ->required();
  command->add_option("images", options.images, image_files_help())->required();
  add_precision(*command, options.precision);
  command->add_option("--top", options.top, "classes to print for each")
      ->check(positive)
      ->capture_default_str();
  add_image_options(*command, options.image);
  add_threads(*command, threads);
  return command;
}

}  // namespace program
