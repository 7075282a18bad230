#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cnnrnn/data/batch_source.hpp"
#include "cnnrnn/data/prefetcher.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// A data set in batches: `for (auto [images, labels] : loader)`.
///
/// A pass yields the batches of the epoch that set_epoch chose. Order and transforms depend on
/// (seed, epoch, position) alone, and where images are drawn on their place in the epoch: a pass is
/// bitwise the same with any number of threads, or none, and when it begins in the middle. A pass
/// keeps what it needs, so the loader may be changed or go away meanwhile; leaving a pass early
/// stops its threads.
template <class T>
class Loader {
 public:
  /// Throws ShapeError or ValueError when the data set or an option is not as it must be.
  explicit Loader(ImageDataset dataset, LoaderOptions options = {},
                  std::vector<BatchTransform<T>> batch_transforms = {})
      : source_(std::make_shared<const BatchSource<T>>(std::move(dataset), std::move(options),
                                                       std::move(batch_transforms))) {}

  /// The images and labels that batches are made of.
  const ImageDataset& dataset() const { return source_->dataset(); }

  /// The options that it was made with.
  const LoaderOptions& options() const { return source_->options(); }

  /// Number of batches in an epoch.
  Index batches() const { return source_->batches(); }

  /// Number of images in an epoch: without those that drop_last leaves out.
  Index images() const {
    return options().drop_last ? batches() * options().batch : source_->samples();
  }

  /// (H, W, C) of the images in a batch, as the transforms leave them.
  const Shape& image_shape() const { return source_->image_shape(); }

  /// The epoch of the next pass.
  Index epoch() const { return epoch_; }

  /// The epoch of the passes that begin from now on, and the batch that they begin with. Throws
  /// ValueError when negative, or past the end.
  void set_epoch(Index epoch, Index first_batch = 0) {
    require<ValueError>(epoch >= 0, "loader: expected an epoch of 0 or more, got ", epoch);
    require<ValueError>(first_batch >= 0 && first_batch <= batches(),
                        "loader: expected a first batch of 0 to ", batches(), ", got ",
                        first_batch);
    epoch_ = epoch;
    first_batch_ = first_batch;
  }

  /// A pass over the batches that are left; it owns its threads.
  class Iterator {
   public:
    /// Read once, from the front.
    using iterator_concept = std::input_iterator_tag;

    /// What it points to.
    using value_type = Batch<T>;

    /// The type of distances.
    using difference_type = std::ptrdiff_t;

    /// A pass of an epoch from a batch on; starts its threads.
    Iterator(std::shared_ptr<const BatchSource<T>> source, Index epoch, Index first_batch) {
      const auto [ahead, threads] =
          std::pair(source->options().prefetch, source->options().threads);
      auto order = source->order(epoch);
      make_ = [source = std::move(source), order = std::move(order), epoch,
               first_batch](Index index) -> std::optional<Batch<T>> {
        if (first_batch + index >= source->batches()) {
          return std::nullopt;
        }
        return source->make(order, epoch, first_batch + index);
      };
      if (ahead > 0) {
        prefetcher_ = std::make_unique<Prefetcher<Batch<T>>>(std::move(make_), ahead, threads);
      }
      ++*this;
    }

    /// The batch.
    Batch<T>& operator*() const { return *batch_; }

    /// Goes to the next batch. Throws what a transform has thrown.
    Iterator& operator++() {
      batch_ = prefetcher_ ? prefetcher_->next() : make_(next_++);
      return *this;
    }

    /// The same.
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) {
      return !iterator.batch_.has_value();
    }

   private:
    std::function<std::optional<Batch<T>>(Index)> make_;
    Index next_ = 0;
    std::unique_ptr<Prefetcher<Batch<T>>> prefetcher_;
    mutable std::optional<Batch<T>> batch_;
  };

  /// Begins a pass.
  Iterator begin() const { return Iterator(source_, epoch_, first_batch_); }

  /// The end of every pass.
  std::default_sentinel_t end() const { return std::default_sentinel; }

 private:
  std::shared_ptr<const BatchSource<T>> source_;
  Index epoch_ = 0;
  Index first_batch_ = 0;
};

}  // namespace data
CNNRNN_NAMESPACE_END
