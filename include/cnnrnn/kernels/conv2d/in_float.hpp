#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/loops/widen.hpp"

// Convolutions of bfloat16 by the kernels of float: some images at a time, so that what is float of
// them stays in a cache and takes no memory to speak of. Results are rounded once.

CNNRNN_KERNELS_BEGIN
namespace detail {

/// Images that are convolved at once, and where they begin.
struct ConvPart {
  Conv2dDims d;
  Index first;

  Index inputs() const { return d.h * d.w * d.c; }
  Index outputs() const { return d.oh() * d.ow() * d.o; }
};

inline Index weights_of(const Conv2dDims& d) { return d.o * d.group_c() * d.kernel.area(); }

/// Calls body(part) for all images, one part after the other, at least once. The parts depend on
/// the shapes alone.
template <class Body>
void for_conv_parts(const Conv2dDims& whole, const Body& body) {
  constexpr Index most = Index{1} << 22;  // elements of x and y
  ConvPart part{whole, 0};
  const Index images =
      std::max<Index>(1, most / std::max<Index>(1, part.inputs() + part.outputs()));
  do {
    part.d.n = std::min(images, whole.n - part.first);
    body(part);
    part.first += images;
  } while (part.first < whole.n);
}

/// y = convolve(d, x, output) of float, where y is bfloat16: x and y as large for an image as told.
template <class T, class Convolve>
void convolve_in_float(const ConvPart& part, const T* x, Index x_size, const ConvOutput<T>& y,
                       Index y_size, const Convolve& convolve) {
  const Index count = part.d.n * y_size;
  const auto from = widened(part.d.n * x_size, x + part.first * x_size);
  const auto beside =
      widened(count, y.residual != nullptr ? y.residual + part.first * y_size : nullptr);
  Tensor<float> to({count});
  convolve(part.d, from.data(),
           ConvOutput<float>{.data = to.mutable_data(),
                             .channels = y.channels,
                             .bias = y.bias,
                             .residual = beside.data(),
                             .activation = y.activation,
                             .pool = y.pool});
  const std::span<T> values(y.data + part.first * y_size, static_cast<std::size_t>(count));
  round_gradient(to.data(), GradientSpan<T>{values, y.accumulate});
}

}  // namespace detail
CNNRNN_KERNELS_END
