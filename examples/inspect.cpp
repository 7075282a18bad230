// Pictures of what a trained network has learned, and of what section 3 of the paper argues.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "inspect/directions.hpp"
#include "inspect/feature_maps.hpp"
#include "inspect/filters.hpp"
#include "inspect/projections.hpp"
#include "inspect/sub_bands.hpp"
#include "inspect/theorem.hpp"
#include "program/arguments.hpp"
#include "program/image_options.hpp"
#include "program/terminal.hpp"
#include "program/text_file.hpp"

namespace {

struct Options {
  std::string checkpoint;
  std::string data = "auto";
  std::string data_kind = "auto";
  std::vector<std::string> images;
  cnnrnn::Index count = 2;
  std::vector<std::string> layers;
  inspect::ProjectionOptions projections;
  std::string out;
  cnnrnn::data::ImageOptions image;
};

void add_projection_options(CLI::App& app, inspect::ProjectionOptions& options) {
  app.add_option(
         "--stage", options.stages,
         "stages, from 1 on, whose strongest answers are projected back to pixels; default: "
         "all")
      ->check(CLI::PositiveNumber);
  app.add_option("--maps", options.maps, "how many maps of each, those that answer most strongly")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--top", options.top, "how many images for each map, those that excite it most")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app.add_option(
         "--search", options.search,
         "how many test images they are looked for in, or of --image all; 0: no projections")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  std::vector<std::string> rules;
  for (const auto& [name, rule] : inspect::relu_rules()) {
    rules.push_back(name);
  }
  app.add_option("--relu", options.rule,
                 "what a ReLU passes back: the positive part of the signal (deconvolution), the "
                 "signal where it was active (gradient), or both (guided)")
      ->check(CLI::IsMember(rules))
      ->capture_default_str();
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--checkpoint", options.checkpoint,
                 "checkpoint.safetensors of a run of cifar10_cnn_rnn, cifar10_vgg9 or "
                 "cifar10_resnet20")
      ->required();
  app.add_option("--data", options.data, "data set whose test images are shown: a folder, or auto")
      ->capture_default_str();
  app.add_option("--data-kind", options.data_kind,
                 "data set in that folder; auto: known by its files")
      ->check(CLI::IsMember(cnnrnn::data::dataset_kinds()))
      ->capture_default_str();
  app.add_option("--count", options.count, "how many of them")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--image", options.images,
                 program::image_files_help() + " to show in their place");
  program::add_image_options(app, options.image);
  app.add_option("--layer", options.layers,
                 "convolutions whose filters are shown, as in stages.0.0; default: the first of "
                 "each stage");
  add_projection_options(app, options.projections);
  app.add_option("--out", options.out, "folder for the pictures and index.html")->required();
}

void inspect_network(const Options& options) {
  const inspect::Network network(options.checkpoint);
  const auto layers = inspect::chosen_filters(network, options.layers);
  const auto answers = inspect::chosen_answers(network, options.projections.stages);
  const auto& search = options.projections.search;
  const auto opened = inspect::open_subjects(
      options.images, {options.data, options.data_kind}, network.card().preparation,
      std::max(options.count, search), program::image_options(network.card(), options.image));
  const auto first = [&](cnnrnn::Index count) {
    return options.images.empty() ? std::min(count, std::ssize(opened)) : std::ssize(opened);
  };
  const std::vector<inspect::Subject> subjects(opened.begin(),
                                               opened.begin() + first(options.count));
  program::print_setup(network.model());
  program::make_folder(options.out);
  inspect::Page page(options.out);
  inspect::show_filters(layers, page);
  inspect::show_theorem(subjects, network.filters().front(), page);
  if (search > 0) {
    inspect::show_projections(network, answers,
                              {opened.data(), static_cast<std::size_t>(first(search))},
                              options.projections, page);
  }
  const cnnrnn::NoGradGuard no_grad;
  inspect::show_directions(network, subjects, page);
  page.chapter("Feature maps before and after the taps");
  page.paragraph(
      "What each stage makes of an image, and, where a tap reads the map, the final states of its "
      "recurrent network. For two directions of 32 units a line of 64 is one row of patches, the "
      "forward direction on the left, the reverse one on the right; a ConvLSTM's states are maps "
      "and "
      "take several lines.");
  page.scale("strength", "0", "the channel's largest value");
  page.scale("signed", "negative", "positive");
  for (std::size_t k = 0; k < subjects.size(); ++k) {
    inspect::show_feature_maps(network, subjects[k], k, page);
  }
  inspect::show_sub_bands(subjects, page);
  std::cout << "page:    "
            << page.save("Inside " + network.model().describe(),
                         options.checkpoint + ", trained on " + network.card().data_name)
            << std::endl;
}

}  // namespace

/// Exit code 0; 1 when it failed; 2 for a wrong command line.
int main(int argc, char** argv) {
  CLI::App app(
      "Shows a trained network: filters, their frequency responses, what maps, sweeps and taps "
      "answer to, projected back to pixels, what a sweep carries across the map, feature maps "
      "before and after the taps, wavelet sub-bands, and the convolution theorem in numbers.",
      "inspect");
  Options options;
  add_options(app, options);
  try {
    program::parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    inspect_network(options);
    return 0;
  } catch (const cnnrnn::ValueError& error) {
    std::cerr << "inspect: " << cnnrnn::printable(error.what()) << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "inspect: " << cnnrnn::printable(error.what()) << std::endl;
    return 1;
  }
}
