#pragma once

#include <algorithm>
#include <limits>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

namespace detail {

template <class T>
void check_logits(const char* who, const Tensor<T>& logits, const Tensor<Index>& labels) {
  require<ShapeError>(logits.rank() == 2 && labels.defined() &&
                          labels.shape() == Shape{logits.dim(0)} && logits.dim(1) > 0,
                      who, ": expected logits (N, K) and labels (N,), got ", logits.shape(),
                      " and ", labels.shape());
}

}  // namespace detail

/// The class with the largest logit in a row of (N, K); the first of several.
template <class T>
Index predicted_class(const Tensor<T>& logits, Index row) {
  const T* const first = logits.data() + row * logits.dim(1);
  return std::max_element(first, first + logits.dim(1)) - first;
}

// Labels equal to `ignore_index` count in no metric, as in cross_entropy.

/// How many labels (N,) count.
inline Index count_labels(const Tensor<Index>& labels, Index ignore_index = -100) {
  const auto all = labels.span();
  return labels.size() - std::count(all.begin(), all.end(), ignore_index);
}

/// How many rows of the logits (N, K) are largest at their label (N,). Throws ShapeError.
template <class T>
Index count_correct(const Tensor<T>& logits, const Tensor<Index>& labels,
                    Index ignore_index = -100) {
  detail::check_logits("count_correct", logits, labels);
  Index correct = 0;
  for (Index row = 0; row < logits.dim(0); ++row) {
    const Index label = labels.data()[row];
    correct += label != ignore_index && predicted_class(logits, row) == label ? 1 : 0;
  }
  return correct;
}

/// The share of right answers: accuracy(logits (N, K), labels (N,)); NaN if no label counts. Throws
/// ShapeError.
template <class T>
double accuracy(const Tensor<T>& logits, const Tensor<Index>& labels, Index ignore_index = -100) {
  detail::check_logits("accuracy", logits, labels);
  return static_cast<double>(count_correct(logits, labels, ignore_index)) /
         static_cast<double>(count_labels(labels, ignore_index));
}

/// Adds a batch to the counts (K, K), a row for each label and a column for each answer. Throws
/// ShapeError, ValueError for a label outside.
template <class T>
void count_confusions(const Tensor<T>& logits, const Tensor<Index>& labels, Tensor<Index>& counts,
                      Index ignore_index = -100) {
  detail::check_logits("count_confusions", logits, labels);
  const Index classes = logits.dim(1);
  require<ShapeError>(counts.defined() && counts.shape() == Shape{classes, classes},
                      "count_confusions: expected counts ", Shape{classes, classes}, ", got ",
                      counts.shape());
  Index* const cells = counts.mutable_data();
  for (Index row = 0; row < logits.dim(0); ++row) {
    const Index label = labels.data()[row];
    if (label == ignore_index) {
      continue;
    }
    require<ValueError>(label >= 0 && label < classes, "count_confusions: expected labels of 0 to ",
                        classes - 1, ", got ", label);
    ++cells[label * classes + predicted_class(logits, row)];
  }
}

/// The mean loss and the accuracy over batches of different sizes; NaN while no label counts.
struct RunningMetrics {
  double loss_sum = 0;  ///< of the images' losses
  Index correct = 0;    ///< right answers
  Index images = 0;     ///< whose labels count

  /// Adds a batch by its mean loss and its right answers.
  void add(double mean_loss, Index right, Index count) {
    loss_sum += mean_loss * static_cast<double>(count);
    correct += right;
    images += count;
  }

  /// The mean loss of an image.
  double loss() const { return per_image(loss_sum); }

  /// The share of right answers.
  double accuracy() const { return per_image(static_cast<double>(correct)); }

 private:
  double per_image(double sum) const {
    return images > 0 ? sum / static_cast<double>(images)
                      : std::numeric_limits<double>::quiet_NaN();
  }
};

}  // namespace train
CNNRNN_NAMESPACE_END
