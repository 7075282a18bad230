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
#include "cnnrnn/data/weights.hpp"

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

  /// Draws images with replacement, each as often as its weight says (N): an epoch may have an
  /// image several times, transformed anew, and others not at all. The order is random then, with
  /// and without shuffle. None: every image once.
  std::vector<double> sample_weights = {};
  Index samples = 0;  ///< drawn in an epoch; 0: as many as there are images

  std::vector<Transform> transforms = {};
  ChannelStatistics normalization = {};  ///< none: a scale of 0 to 1
  Index prefetch = 2;                    ///< batches made ahead by a thread; 0: no thread
};

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
    check_sampling();
    require<ValueError>(batches() > 0, "loader: expected ", dataset_.name, " to fill a batch of ",
                        options_.batch, ", got ", samples(), " images");
    if (draws()) {
      draw_ = WeightedDraw(options_.sample_weights);
    }
  }

  const ImageDataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }

  Index batches() const {
    const Index full = samples() / options_.batch;
    return options_.drop_last || samples() % options_.batch == 0 ? full : full + 1;
  }

  /// Images in an epoch, with those that drop_last leaves out.
  Index samples() const { return options_.samples > 0 ? options_.samples : dataset_.size(); }

  /// The images' positions in an epoch: in order, or shuffled or drawn by (seed, epoch) alone.
  std::vector<Index> order(Index epoch) const {
    // A path of its own length, so that no image's transforms share its random numbers.
    Random random = Random::derived(options_.seed, {static_cast<std::uint64_t>(epoch)});
    std::vector<Index> positions(static_cast<std::size_t>(samples()));
    if (draws()) {
      std::generate(positions.begin(), positions.end(), [&] { return draw_(random); });
      return positions;
    }
    std::iota(positions.begin(), positions.end(), Index{0});
    if (options_.shuffle) {
      random.shuffle(std::span<Index>(positions));
    }
    return positions;
  }

  /// Batch number `index` of an epoch with its order.
  Batch<T> make(std::span<const Index> order, Index epoch, Index index) const {
    const Index first = index * options_.batch;
    const Index count = std::min(options_.batch, samples() - first);
    Batch<T> batch{.images = Tensor<T>(dataset_.images.shape().with(0, count)),
                   .labels = Tensor<Index>(Shape{count})};
    T* image = batch.images.mutable_data();
    Index* label = batch.labels.mutable_data();
    ImageBuffer buffer;
    for (Index place = first; place < first + count; ++place) {
      const Index position = order[static_cast<std::size_t>(place)];
      write_image(position, random_of(epoch, position, place), buffer, image);
      image += image_size();
      *label++ = dataset_.labels.data()[position];
    }
    return batch;
  }

 private:
  Index pixels() const { return dataset_.height() * dataset_.width(); }
  Index image_size() const { return pixels() * dataset_.channels(); }

  bool draws() const { return !options_.sample_weights.empty(); }

  void check_sampling() const {
    const auto& weights = options_.sample_weights;
    require<ValueError>(options_.samples >= 0 && (draws() || options_.samples == 0),
                        "loader: expected a positive number of samples with sample_weights, got ",
                        options_.samples);
    require<ValueError>(!draws() || std::ssize(weights) == dataset_.size(),
                        "loader: expected a weight for each of ", dataset_.size(), " images, got ",
                        weights.size());
  }

  /// Where the transforms of an image get their random numbers. An image that is drawn again in an
  /// epoch gets others.
  Random random_of(Index epoch, Index position, Index place) const {
    const auto e = static_cast<std::uint64_t>(epoch);
    const auto p = static_cast<std::uint64_t>(position);
    return draws() ? Random::derived(options_.seed, {e, p, static_cast<std::uint64_t>(place)})
                   : Random::derived(options_.seed, {e, p});
  }

  void write_image(Index position, Random random, ImageBuffer& buffer, T* to) const {
    const std::uint8_t* from = dataset_.images.data() + position * image_size();
    if (options_.transforms.empty()) {
      normalize_(from, pixels(), to);
      return;
    }
    buffer.height = dataset_.height();
    buffer.width = dataset_.width();
    buffer.channels = dataset_.channels();
    buffer.values.assign(from, from + image_size());
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
  WeightedDraw draw_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
