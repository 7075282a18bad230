#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/image.hpp"
#include "cnnrnn/data/prepare.hpp"
#include "cnnrnn/data/transform.hpp"
#include "program/best_classes.hpp"
#include "program/model_file.hpp"

namespace program {

struct PredictOptions {
  std::string checkpoint;
  std::string precision;  ///< empty: that of the training
  std::vector<std::string> images;
  cnnrnn::Index top = 3;
  cnnrnn::data::ImageOptions image = {};
};

/// Prints the most probable classes of image files, a line a file, or why one cannot be read; then
/// the exit code is 1.
template <class T>
int predict(const Classifier& classifier, const PredictOptions& options) {
  using namespace cnnrnn;
  const auto [card, model] = load_model<T>(classifier, options.checkpoint);
  const data::Normalizer<T> normalize(card.statistics(), 3);
  const auto reading = image_options(card, options.image);
  const NoGradGuard no_grad;
  int code = 0;
  for (const std::string& file : options.images) {
    Tensor<std::uint8_t> image;
    try {
      image = data::prepare(data::read_image(file, reading), card.preparation);
    } catch (const FileError& error) {
      std::cerr << classifier.name << ": " << printable(error.what()) << std::endl;
      code = 1;
      continue;
    }
    Tensor<T> x({1, image_side, image_side, 3});
    normalize(image.data(), image_side * image_side, x.mutable_data());
    print_best_classes(file, in_float((*model)(x)), card.class_names, options.top);
  }
  return code;
}

/// The same with numbers of the precision that is asked for, or else was trained with.
inline int predict(const Classifier& classifier, const PredictOptions& options) {
  return with_precision(classifier, options.precision, options.checkpoint,
                        [&]<class T>(T) { return predict<T>(classifier, options); });
}

}  // namespace program
