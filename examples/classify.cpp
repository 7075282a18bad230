// What is on image files, by a network of the zoo with trained weights.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "classify/labels.hpp"
#include "classify/pictures.hpp"
#include "classify/weights.hpp"
#include "program/arguments.hpp"
#include "program/best_classes.hpp"
#include "program/classifier.hpp"
#include "program/image_options.hpp"

namespace {

struct Options {
  std::string model;
  std::string weights;
  std::string precision = "float";
  std::vector<std::string> images;
  std::string labels;
  cnnrnn::Index top = 5;
  classify::PictureOptions picture;
  cnnrnn::data::ImageOptions image;
  int threads = 0;
};

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& classifier : zoo_classifiers<float>()) {
    names.push_back(classifier.name);
  }
  return names;
}

void add_options(CLI::App& app, Options& options) {
  const CLI::Range positive(cnnrnn::Index{1}, cnnrnn::Index{1} << 20);
  auto& picture = options.picture;
  app.add_option("--model", options.model, "network")
      ->required()
      ->check(CLI::IsMember(network_names()));
  app.add_option("--weights", options.weights,
                 "its state dict as torchvision names it, a safetensors file")
      ->required();
  app.add_option("--precision", options.precision, "numbers of parameters and activations")
      ->check(CLI::IsMember(program::precision_names()))
      ->capture_default_str();
  app.add_option("images", options.images, program::image_files_help())->required();
  app.add_option("--labels", options.labels,
                 "names of the classes, one a line; else they are numbered from 0");
  app.add_option("--top", options.top, "classes to print for each file")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--resize", picture.resize,
                 "length that the shorter side of an image gets; default: 256, lenet5 32")
      ->check(positive);
  app.add_option("--crop", picture.crop,
                 "height and width of the middle that the network sees; default: 224, lenet5 32")
      ->check(positive);
  app.add_option(
         "--mean", picture.mean,
         "what is subtracted from each channel, of 0 to 1; default: ImageNet's, or MNIST's for "
         "grey images")
      ->expected(1, 3);
  app.add_option("--std", picture.standard_deviation,
                 "what each channel is divided by then; default: likewise")
      ->expected(1, 3);
  program::add_image_limit(app, options.image.limits);
  app.add_flag("--ignore-orientation", options.image.ignore_orientation,
               "leave the pictures of image files as they are stored, whatever EXIF says");
  app.add_option("--threads", options.threads, "threads (0: as many as OpenMP offers)")
      ->check(CLI::Range(0, cnnrnn::most_threads))
      ->capture_default_str();
}

/// Prints a line for each file, or why it cannot be read; then the exit code is 1.
template <class T>
int classify_images(const Options& options) {
  using namespace cnnrnn;
  set_threads(options.threads);
  const auto network = zoo_classifier<T>(options.model);
  const auto [model, made_for] = classify::load(network, options.weights);
  const auto names = classify::class_names(options.labels, made_for.classes);
  const classify::Pictures<T> pictures(network, made_for.channels, options.picture);
  const NoGradGuard no_grad;
  int code = 0;
  for (const std::string& file : options.images) {
    Variable<T> x;
    try {
      x = pictures.read(file, options.image);
    } catch (const FileError& error) {
      std::cerr << "classify: " << printable(error.what()) << std::endl;
      code = 1;
      continue;
    }
    const auto logits = (*model)(x).value().template to<float>();
    program::print_best_classes(file, Variable<float>(logits), names, options.top);
  }
  require<FileError>(static_cast<bool>(std::cout.flush()), "cannot write to standard output");
  return code;
}

}  // namespace

/// Exit code 0; 1 when it failed; 2 for a wrong command line.
int main(int argc, char** argv) {
  CLI::App app("Names what is on image files, by a well-known network with trained weights.",
               "classify");
  Options options;
  add_options(app, options);
  try {
    program::parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return options.precision == "bfloat16" ? classify_images<cnnrnn::bfloat16>(options)
                                           : classify_images<float>(options);
  } catch (const cnnrnn::ValueError& error) {
    std::cerr << "classify: " << cnnrnn::printable(error.what()) << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "classify: " << cnnrnn::printable(error.what()) << std::endl;
    return 1;
  }
}
