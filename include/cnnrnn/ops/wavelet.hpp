#pragma once

#include <string>
#include <string_view>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/kernels/wavelet.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of dwt2d and idwt2d.
struct WaveletOptions {
  Wavelet wavelet = wavelets::haar;                         ///< one of namespace wavelets
  WaveletExtension extension = WaveletExtension::periodic;  ///< what is beyond the borders
};

/// Throws ValueError for a wavelet without a filter; `name` is the operation's.
inline void check_wavelet(const char* name, const WaveletOptions& options) {
  const Index taps = options.wavelet.taps;
  require<ValueError>(taps > 0 && taps <= Wavelet::most_taps && taps % 2 == 0, name,
                      ": expected a wavelet of 2 to ", Wavelet::most_taps,
                      " taps, an even number, got ", taps);
}

/// The wavelet of a name: haar, which is db1 too, db2, db3 or db4. Throws ValueError.
inline Wavelet wavelet_named(std::string_view name) {
  std::string known;
  for (const Wavelet& wavelet : wavelets::all) {
    if (wavelet.name == name || (wavelet.taps == 2 && name == "db1")) {
      return wavelet;
    }
    known += to_message(known.empty() ? "" : ", ", wavelet.name);
  }
  throw ValueError(to_message("expected a wavelet of ", known, ", got ", name));
}

namespace detail {

/// Which transform of an image (N, H, W, C): with its extension, or as the inverse is the transpose
/// of; for the bands or, transposed, for the image.
struct WaveletPlan {
  const WaveletOptions& options;
  kernels::WaveletOutside outside;
  bool transpose;
};

template <class T>
kernels::WaveletAxis<T> wavelet_axis(const WaveletPlan& plan, Index size) {
  const auto& [wavelet, extension] = plan.options;
  auto axis = kernels::wavelet_axis<T>(wavelet, extension, plan.outside, size);
  return plan.transpose ? kernels::transposed(axis, size) : axis;
}

template <class T>
kernels::Wavelet2d<T> wavelet2d(const WaveletPlan& plan, const Shape& x) {
  const auto& [wavelet, extension] = plan.options;
  return {.n = x[0],
          .h = x[1],
          .w = x[2],
          .c = x[3],
          .bh = kernels::wavelet_band_size(wavelet, extension, x[1]),
          .bw = kernels::wavelet_band_size(wavelet, extension, x[2]),
          .rows = wavelet_axis<T>(plan, x[1]),
          .columns = wavelet_axis<T>(plan, x[2])};
}

/// The checks of a transform of images x; `name` is the operation's, as below.
inline void check_wavelet_image(const char* name, const WaveletOptions& options, const Shape& x) {
  check_wavelet(name, options);
  require<ShapeError>(x.rank() == 4 && x[1] > 0 && x[2] > 0, name,
                      ": expected x (N, H, W, C) with pixels, got ", x);
}

/// The shape of the image of sub-bands y. An axis is as long as asked for, which may be one less
/// than the bands allow; 0 asks for all.
inline Shape idwt2d_shape(const char* name, const WaveletOptions& options, const Shape& y,
                          Size2d asked_size) {
  check_wavelet(name, options);
  require<ShapeError>(y.rank() == 4 && y[1] > 0 && y[2] > 0 && y[3] % 4 == 0, name,
                      ": expected y (N, H, W, 4C) with pixels, got ", y);
  const auto length = [&](Index band, Index asked) {
    const Index size = kernels::wavelet_signal_size(options.wavelet, options.extension, band);
    require<ShapeError>(size > 0, name, ": expected sub-bands of at least ",
                        options.wavelet.taps / 2, " pixels for ", options.wavelet.name, ", got ",
                        y);
    require<ShapeError>(asked == 0 || asked == size || (asked == size - 1 && asked > 0), name,
                        ": expected an image of ", size, " pixels or one less from ", y, ", got ",
                        asked);
    return asked == 0 ? size : asked;
  };
  return {y[0], length(y[1], asked_size.h), length(y[2], asked_size.w), y[3] / 4};
}

}  // namespace detail

/// One level of the two-dimensional discrete wavelet transform (Mallat 1989).
///
/// x (N, H, W, C) -> y (N, BH, BW, 4C), the four sub-bands of all channels one behind the other:
/// LL, LH, HL, HH. The first letter is the filter along a row, the second the one down a column: L
/// low-pass, H high-pass. They are PyWavelets' cA, cH, cV, cD: LH shows horizontal edges, HL
/// vertical ones. BH = ceil(H / 2) with periodic extension and floor((H + taps - 1) / 2) with
/// symmetric, BW alike. Saves nothing. Throws ShapeError, and ValueError for a wavelet without
/// taps.
template <class T>
Variable<T> dwt2d(const Variable<T>& x, const WaveletOptions& options = {}) {
  using enum kernels::WaveletOutside;
  detail::check_wavelet_image("dwt2d", options, x.shape());
  const auto d = detail::wavelet2d<Accumulator<T>>({options, extension, false}, x.shape());
  Tensor<T> y({d.n, d.bh, d.bw, 4 * d.c});
  kernels::wavelet_analysis<T>(d, x.value().data(), {y.mutable_span()});
  return record<T>("dwt2d", {x}, y, [options, shape = x.shape()](Gradients<T>& g) {
    kernels::wavelet_synthesis<T>(
        detail::wavelet2d<Accumulator<T>>({options, extension, true}, shape), g.dy().data(),
        g.dx());
  });
}

/// The inverse of dwt2d, to rounding.
///
/// y (N, BH, BW, 4C), sub-bands as dwt2d orders them -> x (N, H, W, C). H is twice BH with periodic
/// extension and 2 BH - taps + 2 with symmetric, W alike. An image of odd size had one pixel less:
/// give its `size`. Saves nothing. Throws ShapeError, and ValueError for a wavelet without taps.
template <class T>
Variable<T> idwt2d(const Variable<T>& y, const WaveletOptions& options = {}, Size2d size = 0) {
  using enum kernels::WaveletOutside;
  const Shape shape = detail::idwt2d_shape("idwt2d", options, y.shape(), size);
  Tensor<T> x(shape);
  kernels::wavelet_synthesis<T>(detail::wavelet2d<Accumulator<T>>({options, nothing, true}, shape),
                                y.value().data(), {x.mutable_span()});
  return record<T>("idwt2d", {y}, x, [options, shape](Gradients<T>& g) {
    kernels::wavelet_analysis<T>(
        detail::wavelet2d<Accumulator<T>>({options, nothing, false}, shape), g.dy().data(), g.dx());
  });
}

CNNRNN_NAMESPACE_END
