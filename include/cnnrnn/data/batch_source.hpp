#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/data/batch.hpp"
#include "cnnrnn/data/dataset.hpp"
#include "cnnrnn/data/transform.hpp"
#include "cnnrnn/data/weights.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// How a loader cuts a data set into batches.
struct LoaderOptions {
  Index batch = 128;       ///< images in a batch
  bool shuffle = false;    ///< another order in each epoch
  std::uint64_t seed = 0;  ///< of the order and the transforms
  bool drop_last = false;  ///< leave out the last batch when it is not full

  /// Draws images with replacement, each as often as its weight says (N): an epoch may have an
  /// image several times, transformed anew, and others not at all. The order is random then, with
  /// and without shuffle. None: every image once.
  std::vector<double> sample_weights = {};
  Index samples = 0;  ///< drawn in an epoch; 0: as many as there are images

  std::vector<Transform> transforms = {};  ///< of single images, in this order
  ChannelStatistics normalization = {};    ///< none: a scale of 0 to 1
  Index prefetch = 2;                      ///< batches made ahead by threads; 0: no thread

  /// Threads that make batches ahead, each one of its own; with more than one, transforms run on
  /// several threads at once. No more than `prefetch` have work.
  Index threads = 1;
};

/// Makes any batch of an epoch, from its number alone.
template <class T>
class BatchSource {
 public:
  /// Throws ShapeError or ValueError when the data set or an option is not as it must be.
  BatchSource(ImageDataset dataset, LoaderOptions options,
              std::vector<BatchTransform<T>> batch_transforms = {})
      : dataset_(std::move(dataset)),
        options_(std::move(options)),
        batch_transforms_(std::move(batch_transforms)),
        shapes_(shapes_between_transforms()),
        normalize_(options_.normalization, image_shape()[2]) {
    require<ValueError>(options_.batch > 0, "loader: expected a positive batch size, got ",
                        options_.batch);
    require<ValueError>(options_.prefetch >= 0, "loader: expected 0 or more batches ahead, got ",
                        options_.prefetch);
    require<ValueError>(options_.threads > 0, "loader: expected a positive number of threads, got ",
                        options_.threads);
    check_sampling();
    require<ValueError>(batches() > 0, "loader: expected ", dataset_.name, " to fill a batch of ",
                        options_.batch, ", got ", samples(), " images");
    if (draws()) {
      draw_ = WeightedDraw(options_.sample_weights);
    }
  }

  /// The same images in batches of another size.
  BatchSource in_batches_of(Index batch) const {
    LoaderOptions options = options_;
    options.batch = batch;
    return BatchSource(dataset_, std::move(options), batch_transforms_);
  }

  /// The images and labels that batches are made of.
  const ImageDataset& dataset() const { return dataset_; }

  /// The options that it was made with.
  const LoaderOptions& options() const { return options_; }

  /// (H, W, C) of an image in a batch, as the transforms leave it.
  const Shape& image_shape() const { return shapes_.back(); }

  /// Number of batches in an epoch.
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
    const Shape& shape = image_shape();
    Batch<T> batch{.images = Tensor<T>(Shape{count, shape[0], shape[1], shape[2]}),
                   .labels = Tensor<Index>(Shape{count})};
    T* image = batch.images.mutable_data();
    Index* label = batch.labels.mutable_data();
    ImageBuffer buffer;
    for (Index place = first; place < first + count; ++place) {
      const Index position = order[static_cast<std::size_t>(place)];
      write_image(epoch, position, place, buffer, image);
      image += shape.size();
      *label++ = dataset_.labels.data()[position];
    }
    change(batch, epoch, index);
    return batch;
  }

 private:
  /// The shape of an image before the first transform and after each. Throws ValueError for an
  /// empty transform, ShapeError for one that makes no image.
  std::vector<Shape> shapes_between_transforms() const {
    check_dataset(dataset_);
    std::vector<Shape> shapes{{dataset_.height(), dataset_.width(), dataset_.channels()}};
    for (std::size_t i = 0; i < options_.transforms.size(); ++i) {
      const Transform& transform = options_.transforms[i];
      require<ValueError>(static_cast<bool>(transform), "loader: expected a function as ", name(i),
                          ", got none");
      const Shape shape = transform.shape(shapes.back());
      require<ShapeError>(shape.rank() == 3 && (shape.size() > 0 || shapes.back().size() == 0),
                          "loader: expected ", name(i), " to make images (H, W, C), got ", shape);
      shapes.push_back(shape);
    }
    return shapes;
  }

  /// A transform as messages call it: `transform 2 of 3 (random_crop)`.
  std::string name(std::size_t index) const {
    const std::string& own = options_.transforms[index].name();
    return to_message("transform ", index + 1, " of ", options_.transforms.size(),
                      own.empty() ? "" : " (" + own + ")");
  }

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

  void write_image(Index epoch, Index position, Index place, ImageBuffer& buffer, T* to) const {
    const Shape& read = shapes_.front();
    const std::uint8_t* from = dataset_.images.data() + position * read.size();
    if (options_.transforms.empty()) {
      normalize_(from, read[0] * read[1], to);
      return;
    }
    buffer.height = read[0];
    buffer.width = read[1];
    buffer.channels = read[2];
    buffer.values.assign(from, from + read.size());
    Random random = random_of(epoch, position, place);
    const TransformContext context{
        .random = random, .seed = options_.seed, .epoch = epoch, .position = position};
    for (std::size_t i = 0; i < options_.transforms.size(); ++i) {
      options_.transforms[i](buffer, context);
      check_transformed(buffer, i);
    }
    normalize_(buffer.values.data(), buffer.height * buffer.width, to);
  }

  void check_transformed(const ImageBuffer& image, std::size_t index) const {
    const Shape& expected = shapes_[index + 1];
    if (image.shape() != expected) {
      throw ShapeError(to_message(
          "loader: expected ", name(index), " to make an image ", expected, ", got ", image.shape(),
          expected == shapes_[index] ? "; a transform to another shape says so in its options"
                                     : ""));
    }
    require<ShapeError>(std::ssize(image.values) == expected.size(), "loader: expected ",
                        name(index), " to make an image ", expected, " of ", expected.size(),
                        " values, got ", image.values.size());
  }

  /// Runs the batch transforms, whose random numbers belong to (seed, epoch, number of the batch).
  void change(Batch<T>& batch, Index epoch, Index index) const {
    if (batch_transforms_.empty()) {
      return;
    }
    constexpr std::uint64_t of_batches = 0x6261746368U;  // a path longer than that of any image
    Random random = Random::derived(
        options_.seed,
        {static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index), of_batches, 0});
    const BatchContext context{.random = random,
                               .seed = options_.seed,
                               .epoch = epoch,
                               .index = index,
                               .classes = dataset_.classes()};
    const Index count = batch.labels.size();
    for (std::size_t i = 0; i < batch_transforms_.size(); ++i) {
      batch_transforms_[i](batch, context);
      check_batch(batch, count, i);
    }
  }

  void check_batch(const Batch<T>& batch, Index count, std::size_t index) const {
    const auto who = [&] {
      return to_message("batch transform ", index + 1, " of ", batch_transforms_.size());
    };
    const auto& [images, labels] = batch;
    require<ShapeError>(images.rank() == 4 && images.dim(0) == count && labels.defined() &&
                            labels.shape() == Shape{count},
                        "loader: expected ", who(), " to keep images (", count,
                        ", H, W, C) and labels (", count, ",), got ", images.shape(), " and ",
                        labels.shape());
    require<ShapeError>(
        !batch.targets.defined() || batch.targets.shape() == Shape{count, dataset_.classes()},
        "loader: expected ", who(), " to leave targets ", Shape{count, dataset_.classes()},
        " or none, got ", batch.targets.shape());
  }

  ImageDataset dataset_;
  LoaderOptions options_;
  std::vector<BatchTransform<T>> batch_transforms_;
  std::vector<Shape> shapes_;
  Normalizer<T> normalize_;
  WeightedDraw draw_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
