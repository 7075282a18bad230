#pragma once

#include <algorithm>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"

// A dilated convolution as one without dilation: of each image, every DH-th row and DW-th column
// makes an image of its own, DH DW of them one behind the other.
//
//   N DH DW, SH, SW   the images of the batch, and their rows and columns

CNNRNN_KERNELS_BEGIN

/// The images that an image becomes: of those that start at a row or column behind the last output
/// nothing is read.
inline Size2d batch_parts(const Conv2dDims& d) {
  return {std::min(d.dilation.h, d.oh()), std::min(d.dilation.w, d.ow())};
}

/// What of the padding the batch holds; the rest are whole rows and columns of its images.
inline Size2d batch_padding(const Conv2dDims& d) {
  return {d.padding.h % d.dilation.h, d.padding.w % d.dilation.w};
}

/// The convolution of the batch.
inline Conv2dDims undilated_dims(const Conv2dDims& d) {
  const auto parts = [](Index size, Index step) { return (size + step - 1) / step; };
  Conv2dDims batch = d;
  batch.n = d.n * batch_parts(d).area();
  const Size2d held = batch_padding(d);
  batch.h = parts(d.h + 2 * held.h, d.dilation.h);
  batch.w = parts(d.w + 2 * held.w, d.dilation.w);
  batch.padding = {d.padding.h / d.dilation.h, d.padding.w / d.dilation.w};
  batch.dilation = 1;
  return batch;
}

/// Images (H, W, C).
struct ImageSize {
  Index h, w, c;
};

namespace detail {

/// batch (N DH DW, SH, SW, C) = images (N, H, W, C) behind `padding`, zeros elsewhere.
template <class T>
Tensor<T> to_batch(const Conv2dDims& d, const ImageSize& image, const Size2d& padding,
                   const Size2d& size, const T* from) {
  const Size2d& step = d.dilation;
  const Size2d parts = batch_parts(d);
  Tensor<T> batch({d.n * parts.area(), size.h, size.w, image.c});
  T* const all = batch.mutable_data();
  parallel_for(d.n * parts.area() * size.h, 1, [&](Index line, Index) {
    const Index part = line / size.h % parts.area();
    const Index row = line % size.h * step.h + part / parts.w - padding.h;
    const T* const source =
        from + (line / size.h / parts.area() * image.h + row) * image.w * image.c;
    T* to = all + line * size.w * image.c;
    for (Index q = 0; q < size.w; ++q, to += image.c) {
      const Index column = q * step.w + part % parts.w - padding.w;
      if (row >= 0 && row < image.h && column >= 0 && column < image.w) {
        std::copy_n(source + column * image.c, image.c, to);
      } else {
        std::fill_n(to, image.c, T(0));
      }
    }
  });
  return batch;
}

}  // namespace detail

/// The batch of x (N, H, W, C).
template <class T>
Tensor<T> space_to_batch(const Conv2dDims& d, const T* x) {
  const Conv2dDims batch = undilated_dims(d);
  return detail::to_batch(d, {d.h, d.w, d.c}, batch_padding(d), {batch.h, batch.w}, x);
}

/// The batch of dy (N, OH, OW, O).
template <class T>
Tensor<T> gradient_to_batch(const Conv2dDims& d, const T* dy) {
  const Conv2dDims batch = undilated_dims(d);
  return detail::to_batch(d, {d.oh(), d.ow(), d.o}, {0}, {batch.oh(), batch.ow()}, dy);
}

/// The rows begin ... end - 1, counted through all images, of images (N, H, W, C) that lie behind
/// `padding` in a batch; stored or added.
template <class T>
void batch_to_rows(const Conv2dDims& d, const ImageSize& image, const Size2d& padding,
                   const Tensor<T>& batch, Index begin, Index end, T* images, bool accumulate) {
  const Size2d& step = d.dilation;
  const Size2d parts = batch_parts(d);
  const Index width = batch.dim(2);
  for (Index line = begin; line < end; ++line) {
    const Index row = line % image.h + padding.h;
    const Index part = line / image.h * parts.area() + row % step.h * parts.w;
    T* to = images + line * image.w * image.c;
    for (Index q = padding.w; q < image.w + padding.w; ++q, to += image.c) {
      if (row % step.h >= parts.h || q % step.w >= parts.w) {  // no output has read it
        if (!accumulate) {
          std::fill_n(to, image.c, T(0));
        }
        continue;
      }
      const T* const from =
          batch.data() +
          (((part + q % step.w) * batch.dim(1) + row / step.h) * width + q / step.w) * image.c;
      for_each_lanes<T>(image.c, [=](const auto& lanes) {
        lanes.store(to, accumulate ? lanes.load(to) + lanes.load(from) : lanes.load(from));
      });
    }
  }
}

CNNRNN_KERNELS_END
