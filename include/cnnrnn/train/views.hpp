#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// A way to look at images (N, H, W, C), and how much it counts.
template <class T>
struct View {
  std::function<Tensor<T>(const Tensor<T>&)> of;  ///< makes the view of images
  double weight = 1;                              ///< its share in the mean
};

/// The views whose logits are averaged.
template <class T>
using Views = std::vector<View<T>>;

namespace detail {

/// y(n, r, q) = x(n, row(r), column(q)) for images (N, H, W, C).
template <class T, class Row, class Column>
Tensor<T> rearranged(const char* who, const Tensor<T>& x, const Row& row, const Column& column) {
  require<ShapeError>(x.defined() && x.rank() == 4, who, ": expected images (N, H, W, C), got ",
                      x.shape());
  Tensor<T> y(x.shape());
  const Index height = x.dim(1);
  const Index width = x.dim(2);
  const Index channels = x.dim(3);
  T* const to = y.mutable_data();
  parallel_for(x.dim(0) * height, 64, [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line) {
      const T* const from =
          x.data() + (line - line % height + row(line % height)) * width * channels;
      for (Index q = 0; q < width; ++q) {
        std::copy_n(from + column(q) * channels, channels, to + (line * width + q) * channels);
      }
    }
  });
  return y;
}

}  // namespace detail

/// Images (N, H, W, C) mirrored left to right. Throws ShapeError.
template <class T>
Tensor<T> mirrored(const Tensor<T>& images) {
  return detail::rearranged(
      "mirrored", images, [](Index r) { return r; },
      [last = images.rank() == 4 ? images.dim(2) - 1 : 0](Index q) { return last - q; });
}

/// Images (N, H, W, C) moved down and right, or up and left where negative; what comes in is the
/// mirror image of what is there, without the outermost pixels. Throws ShapeError, also for images
/// that are not larger than that.
template <class T>
Tensor<T> shifted(const Tensor<T>& images, Index down, Index right) {
  const auto from = [](Index size, Index by) {
    return [=](Index i) {
      const Index place = std::abs(i - by);
      return place < size ? place : 2 * size - 2 - place;
    };
  };
  require<ShapeError>(images.defined() && images.rank() == 4 && std::abs(down) < images.dim(1) &&
                          std::abs(right) < images.dim(2),
                      "shifted: expected images (N, H, W, C) larger than ", std::abs(down), 'x',
                      std::abs(right), ", got ", images.shape());
  return detail::rearranged("shifted", images, from(images.dim(1), down),
                            from(images.dim(2), right));
}

/// Each image and its mirror image.
template <class T>
Views<T> mirror_views() {
  return {{[](const Tensor<T>& x) { return x; }, 0.5}, {mirrored<T>, 0.5}};
}

/// Each image and its mirror image, a quarter each, and those of the image moved by `shift` pixels
/// down and right, and up and left, an eighth each (Jordan 2024).
template <class T>
Views<T> mirror_and_shift_views(Index shift = 1) {
  Views<T> views{{[](const Tensor<T>& x) { return x; }, 0.25}, {mirrored<T>, 0.25}};
  for (const Index by : {shift, -shift}) {
    views.push_back({[by](const Tensor<T>& x) { return shifted(x, by, by); }, 0.125});
    views.push_back({[by](const Tensor<T>& x) { return mirrored(shifted(x, by, by)); }, 0.125});
  }
  return views;
}

/// A model that answers with the weighted sum of its answers to several views of the images:
/// test-time augmentation.
///
///   train::TestTimeAugmentation<float> patient(model, train::mirror_views<float>());
///   train::evaluate(patient, loader);
template <class T>
class TestTimeAugmentation : public nn::Layer<T> {
 public:
  /// The model must outlive it. Throws ValueError when there are no views, or one has no function
  /// or a weight that is not finite.
  TestTimeAugmentation(nn::Layer<T>& model, Views<T> views)
      : model_(model), views_(std::move(views)) {
    require<ValueError>(!views_.empty(), "TestTimeAugmentation: expected views, got none");
    for (const auto& view : views_) {
      require<ValueError>(view.of && std::isfinite(view.weight),
                          "TestTimeAugmentation: expected views with a function and a finite "
                          "weight, got ",
                          view.of ? "" : "no function and ", "weight ", view.weight);
    }
  }

  /// x (N, H, W, C) -> logits (N, K)
  Variable<T> operator()(const Variable<T>& x) override {
    Variable<T> sum;
    for (const auto& view : views_) {
      const auto part =
          model_(Variable<T>(view.of(x.value()))) * static_cast<Accumulator<T>>(view.weight);
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }

  void visit(nn::Visitor<T>& visitor) override { visitor("model", model_); }
  std::string describe() const override {
    return to_message("TestTimeAugmentation(", views_.size(), " views)");
  }

 private:
  nn::Layer<T>& model_;
  Views<T> views_;
};

}  // namespace train
CNNRNN_NAMESPACE_END
