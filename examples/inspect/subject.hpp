#pragma once

#include <filesystem>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "cnnrnn/data/image.hpp"
#include "cnnrnn/data/open_dataset.hpp"
#include "inspect/network.hpp"
#include "inspect/spectrum.hpp"
#include "program/terminal.hpp"

namespace inspect {

using program::image_side;

/// Where a data set lies, and which it is.
struct DataSource {
  std::string data;
  std::string kind;
};

/// An image that the network looks at.
struct Subject {
  std::string name;
  Tensor<std::uint8_t> pixels;  // (32, 32, 3)

  /// As the network takes it: (1, 32, 32, 3), normalised as in training.
  Variable<float> input(const program::ModelCard& card) const;

  /// Its brightness, from 0 to 1.
  Grid<double> brightness() const {
    Grid<double> grey(image_side, image_side);
    for (std::size_t k = 0; k < grey.values.size(); ++k) {
      const std::uint8_t* const pixel = pixels.data() + 3 * k;
      grey.values[k] = (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) / 255;
    }
    return grey;
  }
};

/// Images as the network takes them: (N, 32, 32, 3), normalised as in training.
inline Tensor<float> inputs(const std::vector<const Subject*>& subjects,
                            const program::ModelCard& card) {
  const cnnrnn::data::Normalizer<float> normalize(card.statistics(), 3);
  constexpr Index pixels = image_side * image_side;
  Tensor<float> x({std::ssize(subjects), image_side, image_side, 3});
  float* to = x.mutable_data();
  for (const Subject* subject : subjects) {
    normalize(subject->pixels.data(), pixels, to);
    to += 3 * pixels;
  }
  return x;
}

inline Variable<float> Subject::input(const program::ModelCard& card) const {
  return inputs({this}, card);
}

/// The image files, or without any the first `count` test images of a data set, prepared as those
/// that the network was trained on. Throws FileError.
inline std::vector<Subject> open_subjects(const std::vector<std::string>& files,
                                          const DataSource& source,
                                          const cnnrnn::data::Preparation& preparation, Index count,
                                          const cnnrnn::data::ImageOptions& image) {
  using namespace cnnrnn::data;
  std::vector<Subject> subjects;
  for (const std::string& file : files) {
    subjects.push_back({cnnrnn::os::to_name(cnnrnn::os::to_path(file).filename()),
                        prepare(read_image(file, image), preparation)});
  }
  if (!files.empty()) {
    return subjects;
  }
  const auto opened =
      open_dataset(source.data, {.kind = source.kind, .preparation = preparation, .image = image});
  const auto& test = opened.split.test;
  program::print_data(opened);
  const cnnrnn::Shape shape{test.height(), test.width(), test.channels()};
  cnnrnn::require<cnnrnn::FileError>(shape == cnnrnn::Shape{image_side, image_side, 3}, source.data,
                                     ": expected images (32, 32, 3), got ", shape);
  const auto size = static_cast<std::size_t>(shape.size());
  for (Index k = 0; k < std::min(count, test.size()); ++k) {
    const auto& label = test.class_names[static_cast<std::size_t>(test.labels(k))];
    subjects.push_back(
        {to_message("test image ", k, " of ", test.name, ", ", label),
         {shape, test.images.span().subspan(static_cast<std::size_t>(k) * size, size)}});
  }
  return subjects;
}

/// What the network takes an image for: "cat (87.5 %)".
inline std::string prediction(const Network& network, const Variable<float>& x) {
  const auto p = softmax(network.model()(x)).value();
  const Index best = cnnrnn::train::predicted_class(p, 0);
  std::ostringstream text;
  text << network.card().class_names[static_cast<std::size_t>(best)] << " (" << std::fixed
       << std::setprecision(1) << 100 * p(0, best) << " %)";
  return text.str();
}

}  // namespace inspect
