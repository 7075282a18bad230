#pragma once

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loss.hpp"

CNNRNN_NAMESPACE_BEGIN

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< share of the target spread evenly over all classes
};

/// Cross-entropy of classes, the mean over the batch (Szegedy et al. 2016 for the smoothing s):
/// loss = mean of -(1 - s) log p(label) - s / K sum of log p, p = softmax of the logits.
///
/// logits (N, K), labels (N) -> scalar. Saves p and the labels. Throws ShapeError, and ValueError
/// for a label that is not in 0 ... K - 1 or a smoothing outside 0 ... 1.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Tensor<Index>& labels,
                          const CrossEntropyOptions& options = {}) {
  const Shape& shape = logits.shape();
  require<ShapeError>(shape.rank() == 2 && shape.size() > 0,
                      "cross_entropy: expected logits (N, K), got ", shape);
  require<ShapeError>(labels.defined() && labels.shape() == Shape{shape[0]},
                      "cross_entropy: expected labels of shape ", Shape{shape[0]}, ", got ",
                      labels.shape());
  const double s = options.label_smoothing;
  require<ValueError>(s >= 0 && s <= 1, "cross_entropy: expected a smoothing of 0 to 1, got ", s);
  const kernels::CrossEntropyDims d{shape[0], shape[1]};
  for (Index row = 0; row < d.n; ++row) {
    const Index label = labels.data()[row];
    require<ValueError>(label >= 0 && label < d.k, "cross_entropy: expected labels of 0 to ",
                        d.k - 1, ", got ", label, " in row ", row);
  }
  const auto smoothing = static_cast<T>(s);
  Tensor<T> p(shape);
  const T loss = kernels::cross_entropy_forward(d, smoothing, logits.value().data(), labels.data(),
                                                p.mutable_data());
  return record<T>("cross_entropy", {logits}, Tensor<T>::scalar(loss),
                   [d, smoothing, p = Saved<T>(p), labels = Saved<Index>(labels)](Gradients<T>& g) {
                     kernels::cross_entropy_backward(d, smoothing, p->data(), labels->data(),
                                                     g.dy().item(), g.dx());
                   });
}

CNNRNN_NAMESPACE_END
