#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "inspect/feature_maps.hpp"

namespace inspect {

/// A sweep of the network, taken apart.
class SweepParts {
 public:
  /// The sweep behind a stage, from 0 on, that has one.
  SweepParts(const Network& network, std::size_t stage)
      : network_(network), path_(to_message("sweeps.", stage)) {}

  /// What each direction adds to a map (1, H, W, C), of the same shape: rows from left to right and
  /// from right to left, columns downwards and upwards. All of them together are what the sweep
  /// adds, up to the projections' biases.
  std::vector<Tensor<float>> changes(const Variable<float>& map) const {
    std::vector<Tensor<float>> found;
    Variable<float> x = map;
    for (const char* const lines : {"rows", "columns"}) {
      auto& project = part(lines, "_out");
      const auto states = part(lines, "")(part(lines, "_norm")(x));
      const Index units = states.dim(3) / 2;
      const auto forward = slice(states, 3, 0, units);
      const auto reverse = slice(states, 3, units, units);
      const Variable<float> nothing(Tensor<float>::zeros(forward.shape()));
      const auto bias = project(cnnrnn::concat<float>({nothing, nothing}, 3));
      found.push_back((project(cnnrnn::concat<float>({forward, nothing}, 3)) - bias).value());
      found.push_back((project(cnnrnn::concat<float>({nothing, reverse}, 3)) - bias).value());
      x = x + project(states);
    }
    return found;
  }

 private:
  cnnrnn::nn::Layer<float>& part(const char* lines, const char* which) const {
    return network_.layer(to_message(path_, '.', lines, which));
  }

  const Network& network_;
  std::string path_;
};

/// The length of the vector at each place of a map (1, H, W, C).
inline Grid<double> lengths(const Tensor<float>& map) {
  Grid<double> result(map.dim(1), map.dim(2));
  for (Index row = 0; row < result.height; ++row) {
    for (Index column = 0; column < result.width; ++column) {
      double sum = 0;
      for (Index c = 0; c < map.dim(3); ++c) {
        const auto value = static_cast<double>(map(0, row, column, c));
        sum += value * value;
      }
      result(row, column) = std::sqrt(sum);
    }
  }
  return result;
}

/// A map without what is at its middle.
inline Variable<float> without_middle(const Variable<float>& map) {
  Tensor<float> x = map.value().clone();
  for (Index c = 0; c < x.dim(3); ++c) {
    x.mutable_at(0, x.dim(1) / 2, x.dim(2) / 2, c) = 0;
  }
  return Variable<float>(x);
}

/// Lines of pictures of one image each: the image, its map, and what the directions do.
class DirectionSheet {
 public:
  DirectionSheet(Index images, Index height, Index width)
      : height_(height),
        factor_(enlargement(height, 96)),
        sheet_(images, 6, height * factor_, width * factor_) {}

  /// Directions share their colours, up to the strongest of all.
  void add(Index row, const Subject& subject, const Tensor<float>& map,
           const std::vector<Tensor<float>>& directions) {
    const Index image_factor = std::max<Index>(1, height_ * factor_ / image_side);
    sheet_.place(photograph(subject.pixels, image_factor), row, 0);
    const auto own = lengths(map);
    place(own, largest_magnitude<double>(own.values), row, 1);
    double largest = 0;
    for (const auto& direction : directions) {
      const auto strength = lengths(direction);
      largest = std::max(largest, std::ranges::max(strength.values));
    }
    for (std::size_t k = 0; k < directions.size(); ++k) {
      place(lengths(directions[k]), largest > 0 ? largest : 1, row, static_cast<Index>(k) + 2);
    }
  }

  const Picture& picture() const { return sheet_.picture(); }

 private:
  void place(const Grid<double>& strength, double largest, Index row, Index column) {
    sheet_.place(heat_map(strength.height, strength.width, strength_colour,
                          [&](Index r, Index c) { return strength(r, c) / largest; })
                     .enlarged(factor_),
                 row, column);
  }

  Index height_;
  Index factor_;
  Sheet sheet_;
};

/// What the sweep behind a stage, from 0 on, does with the maps of the images.
inline void show_sweep(const Network& network, std::size_t stage,
                       const std::vector<Subject>& subjects, Page& page) {
  const SweepParts sweep(network, stage);
  const auto map_of = [&](const Subject& subject) {
    return network.map_of(stage, subject.input(network.card()));
  };
  const auto shape = map_of(subjects.front()).shape();
  DirectionSheet adds(std::ssize(subjects), shape[1], shape[2]);
  DirectionSheet carries(std::ssize(subjects), shape[1], shape[2]);
  for (std::size_t k = 0; k < subjects.size(); ++k) {
    std::cout << "sweep:   " << subjects[k].name << ": Stage " << stage + 1 << std::endl;
    const auto map = map_of(subjects[k]);
    auto changes = sweep.changes(map);
    const auto row = static_cast<Index>(k);
    adds.add(row, subjects[k], map.value(), changes);
    const auto erased = without_middle(map);
    const auto others = sweep.changes(erased);
    for (std::size_t d = 0; d < changes.size(); ++d) {
      changes[d] = (Variable<float>(changes[d]) - Variable<float>(others[d])).value();
    }
    carries.add(row, subjects[k], erased.value(), changes);
  }
  const std::string name = to_message("sweep_stage", stage + 1);
  const std::string title = to_message("Stage ", stage + 1);
  const std::string columns =
      "0: the image. 1: the map. 2 and 3: along the rows, to the right and to the left. 4 and 5: "
      "along the columns, down and up.";
  page.begin_figures();
  page.figure(name + "_adds", adds.picture(), title + ": what each direction adds to the map.",
              columns);
  page.figure(name + "_carries", carries.picture(),
              title + ": what each direction carries from the middle.",
              columns + " How much changes when the map is zero at its middle.");
  page.end_figures();
}

/// What each direction of all sweeps adds to the map, and how far it carries what is at one place.
inline void show_directions(const Network& network, const std::vector<Subject>& subjects,
                            Page& page) {
  const auto& stages = network.stages();
  if (std::ranges::none_of(stages, [](const Stage& stage) { return stage.sweep != nullptr; })) {
    return;
  }
  page.chapter("What a sweep carries across the map");
  page.paragraph(
      "A sweep reads the rows of the map in both directions, and adds to it a projection of the "
      "states; then the same of the columns. Colours are the length of the vector at each place; the "
      "four directions of an image share a scale. What is at one place reaches its row through the "
      "rows, and the whole map through the columns, which read what the rows have added.");
  page.scale("strength", "0", "the largest, of an image or of its four directions");
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (stages[k].sweep != nullptr) {
      show_sweep(network, k, subjects, page);
    }
  }
}

}  // namespace inspect
