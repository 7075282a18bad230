#pragma once

#include <algorithm>
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

/// Of every `of` batches in a row, the `count` from `first` on.
struct BatchSelection {
  Index first = 0;  ///< of `of`
  Index count = 1;  ///< how many in a row
  Index of = 1;     ///< how many there are before they begin anew

  /// Which batch is the one with this index among those selected.
  Index number(Index index) const { return index / count * of + first + index % count; }

  /// How many of the first `batches` are selected.
  Index selected(Index batches) const {
    return batches / of * count + std::clamp<Index>(batches % of - first, 0, count);
  }
};

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
                                                       std::move(batch_transforms))),
        end_(source_->batches()) {}

  /// The `count` shards from `first` on of each batch, when batches are cut into `shards` equal
  /// parts: a pass makes them one after the other, each as a batch of its own. Order and transforms
  /// of the images are those of the whole batches; a transform of batches sees a shard. Throws
  /// ValueError unless the shards divide the batches and exist, and for a last batch that is not
  /// full. A pass begins where one of this loader would.
  Loader shards(Index shards, Index first, Index count) const {
    require_all();
    const Index batch = options().batch;
    require<ValueError>(shards > 0 && batch % shards == 0, "loader: expected a batch that ", shards,
                        " shards divide, got ", batch);
    require<ValueError>(first >= 0 && count > 0 && first + count <= shards,
                        "loader: expected some of ", shards, " shards, got ", count, " from shard ",
                        first, " on");
    require<ValueError>(options().drop_last || source_->samples() % batch == 0,
                        "loader: expected full batches to cut into shards, got ",
                        source_->samples(), " images in batches of ", batch,
                        "; leave out the last batch with drop_last");
    Loader result = *this;
    result.source_ = std::make_shared<const BatchSource<T>>(source_->in_batches_of(batch / shards));
    result.selection_ = {first, count, shards};
    result.end_ = batches() * shards;
    result.first_batch_ = result.selection_.selected(first_batch_ * shards);
    return result;
  }

  /// Every `step`-th batch from batch `first` on, for processes that share the work on a data set.
  /// Throws ValueError unless 0 <= first < step.
  Loader every(Index step, Index first) const {
    require_all();
    require<ValueError>(first >= 0 && first < step, "loader: expected a first batch of 0 to ",
                        step - 1, ", got ", first);
    Loader result = *this;
    result.selection_ = {first, 1, step};
    result.first_batch_ = result.selection_.selected(first_batch_);
    return result;
  }

  /// The images and labels that batches are made of.
  const ImageDataset& dataset() const { return source_->dataset(); }

  /// The options that it was made with.
  const LoaderOptions& options() const { return source_->options(); }

  /// Number of batches in an epoch.
  Index batches() const { return selection_.selected(end_); }

  /// Number of images in an epoch: without those that drop_last leaves out.
  Index images() const {
    const Index missing = std::max<Index>(0, end_ * options().batch - source_->samples());
    const bool has_last = selection_.selected(end_) > selection_.selected(end_ - 1);
    return batches() * options().batch - (has_last ? missing : 0);
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
    Iterator(std::shared_ptr<const BatchSource<T>> source, Index epoch, Index first_batch,
             const BatchSelection& selection, Index end) {
      const auto [ahead, threads] =
          std::pair(source->options().prefetch, source->options().threads);
      auto order = source->order(epoch);
      make_ = [source = std::move(source), order = std::move(order), epoch, first_batch, selection,
               end](Index index) -> std::optional<Batch<T>> {
        const Index number = selection.number(first_batch + index);
        if (number >= end) {
          return std::nullopt;
        }
        return source->make(order, epoch, number);
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
  Iterator begin() const { return Iterator(source_, epoch_, first_batch_, selection_, end_); }

  /// The end of every pass.
  std::default_sentinel_t end() const { return std::default_sentinel; }

 private:
  void require_all() const {
    require<ValueError>(selection_.of == 1,
                        "loader: expected a loader of whole batches to share, got one of a part");
  }

  std::shared_ptr<const BatchSource<T>> source_;
  BatchSelection selection_;
  Index end_;  ///< of the batches that are selected from
  Index epoch_ = 0;
  Index first_batch_ = 0;
};

}  // namespace data
CNNRNN_NAMESPACE_END
