#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Labelled images, held in memory as bytes.
struct ImageDataset {
  Tensor<std::uint8_t> images;           ///< (N, H, W, C)
  Tensor<Index> labels;                  ///< (N,), each below class_names.size()
  std::vector<std::string> class_names;  ///< by label
  std::string name;                      ///< for messages: "CIFAR-10"

  Index size() const { return labels.size(); }
  Index height() const { return images.dim(1); }
  Index width() const { return images.dim(2); }
  Index channels() const { return images.dim(3); }
  Index classes() const { return std::ssize(class_names); }
};

/// A data set's two parts.
struct Split {
  ImageDataset train;
  ImageDataset test;
};

/// Throws ShapeError unless images are (N, H, W, C) with one label each, and ValueError when a
/// label has no class name.
inline void check_dataset(const ImageDataset& dataset) {
  const Tensor<std::uint8_t>& images = dataset.images;
  require<ShapeError>(images.defined() && images.rank() == 4, dataset.name,
                      ": expected images (N, H, W, C), got ", images.shape());
  require<ShapeError>(dataset.labels.defined() && dataset.labels.shape() == Shape{images.dim(0)},
                      dataset.name, ": expected labels (", images.dim(0), ",), got ",
                      dataset.labels.shape());
  for (const Index label : dataset.labels.span()) {
    require<ValueError>(label >= 0 && label < dataset.classes(), dataset.name,
                        ": expected labels below ", dataset.classes(), ", got ", label);
  }
}

/// The images at the given positions, in that order. Throws ValueError for a position outside.
inline ImageDataset subset(const ImageDataset& dataset, std::span<const Index> positions) {
  const Index count = std::ssize(positions);
  const Index values = dataset.height() * dataset.width() * dataset.channels();
  ImageDataset result{.images = Tensor<std::uint8_t>(dataset.images.shape().with(0, count)),
                      .labels = Tensor<Index>(Shape{count}),
                      .class_names = dataset.class_names,
                      .name = dataset.name};
  std::uint8_t* image = result.images.mutable_data();
  Index* label = result.labels.mutable_data();
  for (const Index position : positions) {
    require<ValueError>(position >= 0 && position < dataset.size(), "subset of ", dataset.name,
                        ": expected positions below ", dataset.size(), ", got ", position);
    image = std::copy_n(dataset.images.data() + position * values, values, image);
    *label++ = dataset.labels.data()[position];
  }
  return result;
}

/// `count` images spread evenly over the set, whose order may be by class; or all of them when
/// there are no more. Throws ValueError unless count is positive.
inline ImageDataset limit(const ImageDataset& dataset, Index count) {
  require<ValueError>(count > 0, "limit: expected a positive number of images, got ", count);
  if (count >= dataset.size()) {
    return dataset;
  }
  std::vector<Index> positions(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) {
    positions[static_cast<std::size_t>(i)] = i * dataset.size() / count;
  }
  return subset(dataset, positions);
}

/// A data set in two parts: the last `count` images as the test part, all before them as the
/// training part. Throws ValueError unless both have images.
inline Split hold_out(const ImageDataset& dataset, Index count) {
  require<ValueError>(count > 0 && count < dataset.size(), "hold_out: expected 1 to ",
                      dataset.size() - 1, " images of ", dataset.name, ", got ", count);
  std::vector<Index> positions(static_cast<std::size_t>(dataset.size()));
  std::iota(positions.begin(), positions.end(), Index{0});
  const std::span<const Index> all(positions);
  const auto last = static_cast<std::size_t>(count);
  return {.train = subset(dataset, all.first(all.size() - last)),
          .test = subset(dataset, all.last(last))};
}

}  // namespace data
CNNRNN_NAMESPACE_END
