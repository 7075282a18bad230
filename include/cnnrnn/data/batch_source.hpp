#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/data/dataset.hpp"
#include "cnnrnn/data/transform.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// Some images of a data set, ready for a network.
template <class T>
struct Batch {
  Tensor<T> images;      ///< (B, H, W, C), normalised
  Tensor<Index> labels;  ///< (B,)
};

/// How a loader cuts a data set into batches.
struct LoaderOptions {
  Index batch = 128;
  bool shuffle = false;
  std::uint64_t seed = 0;  ///< of the order and the transforms
  bool drop_last = false;  ///< leave out the last batch when it is not full
  std::vector<Transform> transforms = {};
  ChannelStatistics normalization = {};  ///< none: a scale of 0 to 1
  Index prefetch = 2;                    ///< batches made ahead by a thread; 0: no thread
};

/// The images' order in an epoch: as they are, or shuffled by (seed, epoch) alone.
inline std::vector<Index> epoch_order(Index count, bool shuffle, std::uint64_t seed, Index epoch) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  if (shuffle) {
    // A path of its own length, so that no image's transforms share its random numbers.
    Random::derived(seed, {static_cast<std::uint64_t>(epoch)}).shuffle(std::span<Index>(order));
  }
  return order;
}

/// Makes any batch of an epoch, from its number alone.
template <class T>
class BatchSource {
 public:
  /// Throws ShapeError or ValueError when the data set or an option is not as it must be.
  BatchSource(ImageDataset dataset, LoaderOptions options)
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        normalize_(options_.normalization, (check_dataset(dataset_), dataset_.channels())) {
    require<ValueError>(options_.batch > 0, "loader: expected a positive batch size, got ",
                        options_.batch);
    require<ValueError>(options_.prefetch >= 0, "loader: expected 0 or more batches ahead, got ",
                        options_.prefetch);
    require<ValueError>(batches() > 0, "loader: expected ", dataset_.name, " to fill a batch of ",
                        options_.batch, ", got ", dataset_.size(), " images");
  }

  const ImageDataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }

  Index batches() const {
    const Index full = dataset_.size() / options_.batch;
    return options_.drop_last || dataset_.size() % options_.batch == 0 ? full : full + 1;
  }

  /// Batch number `index` of an epoch with the given order.
  Batch<T> make(std::span<const Index> order, Index epoch, Index index) const {
    const Index first = index * options_.batch;
    const Index count = std::min(options_.batch, dataset_.size() - first);
    Batch<T> batch{.images = Tensor<T>(dataset_.images.shape().with(0, count)),
                   .labels = Tensor<Index>(Shape{count})};
    T* image = batch.images.mutable_data();
    Index* label = batch.labels.mutable_data();
    ImageBuffer buffer;
    for (const Index position :
         order.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))) {
      write_image(position, epoch, buffer, image);
      image += image_size();
      *label++ = dataset_.labels.data()[position];
    }
    return batch;
  }

 private:
  Index pixels() const { return dataset_.height() * dataset_.width(); }
  Index image_size() const { return pixels() * dataset_.channels(); }

  void write_image(Index position, Index epoch, ImageBuffer& buffer, T* to) const {
    const std::uint8_t* from = dataset_.images.data() + position * image_size();
    if (options_.transforms.empty()) {
      normalize_(from, pixels(), to);
      return;
    }
    buffer.height = dataset_.height();
    buffer.width = dataset_.width();
    buffer.channels = dataset_.channels();
    buffer.values.assign(from, from + image_size());
    Random random = Random::derived(
        options_.seed, {static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(position)});
    for (const Transform& transform : options_.transforms) {
      transform(buffer, random);
    }
    require<ShapeError>(std::ssize(buffer.values) == image_size(),
                        "loader: expected transforms to"
                        " keep ",
                        image_size(), " values in an image, got ", buffer.values.size());
    normalize_(buffer.values.data(), pixels(), to);
  }

  ImageDataset dataset_;
  LoaderOptions options_;
  Normalizer<T> normalize_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
