#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The label of an image whose class is not known: cross_entropy and the metrics ignore it, unless
/// they are told another `ignore_index`.
inline constexpr Index unlabelled = -100;

/// Labelled images, held in memory as bytes.
struct ImageDataset {
  Tensor<std::uint8_t> images;           ///< (N, H, W, C)
  Tensor<Index> labels;                  ///< (N,), each below class_names.size(), or unlabelled
  std::vector<std::string> class_names;  ///< by label
  std::string name;                      ///< for messages: "CIFAR-10"

  /// Number of images.
  Index size() const { return labels.size(); }

  /// Height of the images in pixels.
  Index height() const { return images.dim(1); }

  /// Width of the images in pixels.
  Index width() const { return images.dim(2); }

  /// Channels of the images.
  Index channels() const { return images.dim(3); }

  /// Number of classes.
  Index classes() const { return std::ssize(class_names); }
};

/// A data set's two parts.
struct Split {
  ImageDataset train;  ///< to learn from
  ImageDataset test;   ///< to measure with
};

/// Throws ShapeError unless images are (N, H, W, C) with one label each, and ValueError when a
/// label other than `unlabelled` has no class name.
inline void check_dataset(const ImageDataset& dataset) {
  const Tensor<std::uint8_t>& images = dataset.images;
  require<ShapeError>(images.defined() && images.rank() == 4, dataset.name,
                      ": expected images (N, H, W, C), got ", images.shape());
  require<ShapeError>(dataset.labels.defined() && dataset.labels.shape() == Shape{images.dim(0)},
                      dataset.name, ": expected labels (", images.dim(0), ",), got ",
                      dataset.labels.shape());
  for (const Index label : dataset.labels.span()) {
    require<ValueError>((label >= 0 && label < dataset.classes()) || label == unlabelled,
                        dataset.name, ": expected labels below ", dataset.classes(), ", got ",
                        label);
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

/// The names of the classes that have no images, in the order of their labels. Throws as
/// check_dataset does.
inline std::vector<std::string> classes_without_images(const ImageDataset& dataset) {
  check_dataset(dataset);
  std::vector<bool> seen(dataset.class_names.size());
  for (const Index label : dataset.labels.span()) {
    if (label != unlabelled) {
      seen[static_cast<std::size_t>(label)] = true;
    }
  }
  std::vector<std::string> names;
  for (std::size_t label = 0; label < seen.size(); ++label) {
    if (!seen[label]) {
      names.push_back(dataset.class_names[label]);
    }
  }
  return names;
}

namespace detail {

/// The positions of each class's images, in the order of the set; those of unlabelled images last,
/// as one class more.
inline std::vector<std::vector<Index>> positions_by_class(const ImageDataset& dataset) {
  check_dataset(dataset);
  std::vector<std::vector<Index>> positions(dataset.class_names.size() + 1);
  for (Index i = 0; i < dataset.size(); ++i) {
    const Index label = dataset.labels.data()[i];
    positions[static_cast<std::size_t>(label == unlabelled ? dataset.classes() : label)].push_back(
        i);
  }
  return positions;
}

/// How many of `count` images each class gets: in proportion to its size, at least one if there are
/// enough, and never so many that fewer than `keep` stay behind if that can be avoided. One image
/// after the other goes to the class with the largest size / sqrt(share (share + 1)), the method of
/// equal proportions (Huntington 1928).
inline std::vector<std::size_t> class_shares(const std::vector<std::vector<Index>>& positions,
                                             Index count, std::size_t keep) {
  using Claim = std::tuple<bool, double, std::size_t>;  // the largest first; then the first class
  const std::size_t classes = positions.size();
  std::vector<std::size_t> shares(classes);
  std::priority_queue<Claim> claims;
  const auto claim = [&](std::size_t label) {
    const std::size_t size = positions[label].size();
    const auto share = static_cast<double>(shares[label]);
    if (shares[label] < size) {
      const bool enough_stay = size - shares[label] > keep;
      const double need = shares[label] == 0
                              ? std::numeric_limits<double>::infinity()
                              : static_cast<double>(size) / std::sqrt(share * (share + 1));
      claims.emplace(enough_stay, need, classes - label);
    }
  };
  for (std::size_t label = 0; label < classes; ++label) {
    claim(label);
  }
  for (; count > 0; --count) {
    const std::size_t label = classes - std::get<2>(claims.top());
    claims.pop();
    ++shares[label];
    claim(label);
  }
  return shares;
}

}  // namespace detail

/// `count` images, of every class in proportion and spread evenly over it, in the order of the set;
/// or all of them when there are no more. Unlabelled images are a class of their own. Throws
/// ValueError unless count is positive.
inline ImageDataset limit(const ImageDataset& dataset, Index count) {
  require<ValueError>(count > 0, "limit: expected a positive number of images, got ", count);
  if (count >= dataset.size()) {
    return dataset;
  }
  const auto by_class = detail::positions_by_class(dataset);
  const auto shares = detail::class_shares(by_class, count, 0);
  std::vector<Index> chosen;
  for (std::size_t label = 0; label < by_class.size(); ++label) {
    for (std::size_t i = 0; i < shares[label]; ++i) {
      chosen.push_back(by_class[label][i * by_class[label].size() / shares[label]]);
    }
  }
  std::ranges::sort(chosen);
  return subset(dataset, chosen);
}

/// A data set in two parts, both in its order: `count` images, of every class in proportion, as the
/// test part, all others as the training part. Chance chooses them, by (seed, class) alone. A class
/// loses its last training image only if too few others are left. Unlabelled images are a class of
/// their own. Throws ValueError unless both parts have images.
inline Split hold_out(const ImageDataset& dataset, Index count, std::uint64_t seed = 0) {
  require<ValueError>(count > 0 && count < dataset.size(), "hold_out: expected 1 to ",
                      dataset.size() - 1, " images of ", dataset.name, ", got ", count);
  constexpr std::uint64_t held_out = 0x68656c64U;  // sets these numbers apart from an epoch's
  auto by_class = detail::positions_by_class(dataset);
  const auto shares = detail::class_shares(by_class, count, 1);
  std::vector<Index> train;
  std::vector<Index> test;
  for (std::size_t label = 0; label < by_class.size(); ++label) {
    const std::span<Index> positions(by_class[label]);
    Random::derived(seed, {held_out, label}).shuffle(positions);
    const auto chosen = positions.first(shares[label]);
    const auto others = positions.subspan(shares[label]);
    test.insert(test.end(), chosen.begin(), chosen.end());
    train.insert(train.end(), others.begin(), others.end());
  }
  std::ranges::sort(train);
  std::ranges::sort(test);
  return {.train = subset(dataset, train), .test = subset(dataset, test)};
}

}  // namespace data
CNNRNN_NAMESPACE_END
