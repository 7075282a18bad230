#pragma once

#include <cmath>
#include <ostream>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/size2d.hpp"
#include "cnnrnn/ops/resample.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Factors of height and width. One number means both.
struct Scale2d {
  double h = 0;  ///< of the height
  double w = 0;  ///< of the width

  constexpr Scale2d() = default;

  /// The same factor in both directions.
  constexpr Scale2d(double both) : h(both), w(both) {}  // NOLINT: `.scale_factor = 2`

  /// A factor of the height and one of the width.
  constexpr Scale2d(double height, double width) : h(height), w(width) {}

  friend constexpr bool operator==(const Scale2d&, const Scale2d&) = default;

  friend std::ostream& operator<<(std::ostream& out, const Scale2d& scale) {
    return out << scale.h << 'x' << scale.w;
  }
};

/// The size of the result: one of the two.
struct UpsampleNearestOptions {
  Size2d size = 0;           ///< in pixels
  Scale2d scale_factor = 0;  ///< OH = floor(H scale_factor); pixels are 1 / scale_factor apart
  /// Has pixels H / OH apart, which is another distance where H scale_factor is not whole.
  bool recompute_scale_factor = false;
};

/// Options of upsample_bilinear2d; see UpsampleNearestOptions.
struct UpsampleBilinearOptions {
  Size2d size = 0;             ///< in pixels
  Scale2d scale_factor = 0;    ///< OH = floor(H scale_factor)
  bool align_corners = false;  ///< the centres of the corner pixels, and not their corners, meet
  bool recompute_scale_factor = false;  ///< see UpsampleNearestOptions
};

/// The size that bilinear options ask for.
inline UpsampleNearestOptions upsample_size(const UpsampleBilinearOptions& options) {
  return {options.size, options.scale_factor, options.recompute_scale_factor};
}

/// Throws ValueError unless there is a size or a scale factor; `name` is the operation's.
inline void check_upsample(const char* name, const UpsampleNearestOptions& options) {
  const auto& [size, scale, recompute] = options;
  const bool has_size = size != Size2d(0);
  const bool has_scale = scale != Scale2d(0);
  require<ValueError>(has_size != has_scale, name,
                      ": expected either a size or a scale factor, got ",
                      has_size ? "both" : "neither");
  require<ValueError>(!has_size || (size.h > 0 && size.w > 0), name,
                      ": expected a positive size, got ", size);
  require<ValueError>(!has_scale || (std::isfinite(scale.h) && std::isfinite(scale.w) &&
                                     scale.h > 0 && scale.w > 0),
                      name, ": expected positive scale factors, got ", scale);
}

namespace detail {

/// How many elements an axis gets, and how far apart they are.
struct UpsampledAxis {
  Index outputs;
  double scale;
};

inline UpsampledAxis upsampled_axis(Index input, Index size, double factor, bool recompute) {
  const auto exact = static_cast<double>(input);
  const Index outputs = size > 0 ? size : static_cast<Index>(std::floor(exact * factor));
  const bool by_size = size > 0 || recompute;
  return {outputs, by_size ? exact / static_cast<double>(outputs) : 1 / factor};
}

struct UpsampledImage {
  UpsampledAxis rows, columns;
};

inline UpsampledImage upsampled_image(const char* name, const Shape& x,
                                      const UpsampleNearestOptions& options) {
  check_upsample(name, options);
  require<ShapeError>(x.rank() == 4 && x[1] > 0 && x[2] > 0, name,
                      ": expected x (N, H, W, C) with pixels, got ", x);
  const auto& [size, factor, recompute] = options;
  constexpr double most = 1e9;
  require<ValueError>(size != Size2d(0) || (static_cast<double>(x[1]) * factor.h < most &&
                                            static_cast<double>(x[2]) * factor.w < most),
                      name, ": expected a scale factor that makes fewer than ",
                      Index{1'000'000'000}, " rows and columns of ", x, ", got ", factor);
  const UpsampledImage y{upsampled_axis(x[1], size.h, factor.h, recompute),
                         upsampled_axis(x[2], size.w, factor.w, recompute)};
  require<ShapeError>(y.rows.outputs > 0 && y.columns.outputs > 0, name,
                      ": expected an image of at least one pixel after scaling by ", factor,
                      ", got ", x);
  return y;
}

/// Pixels whose corners are aligned are (H - 1) / (OH - 1) apart, whatever the scale factor.
template <class T>
kernels::ResampleAxis<T> linear_axis(Index size, const UpsampledAxis& axis, bool align_corners) {
  const auto [outputs, scale] = axis;
  const double between_corners =
      outputs > 1 ? static_cast<double>(size - 1) / static_cast<double>(outputs - 1) : 0;
  return kernels::linear_axis<T>(size, outputs, align_corners ? between_corners : scale,
                                 align_corners);
}

}  // namespace detail

/// An image on a grid of another size: each pixel is that of x above and left of it, in PyTorch's
/// mode "nearest".
///
/// x (N, H, W, C) -> y (N, OH, OW, C), y(p, q) = x(floor(p s), floor(q s)) with s = H / OH if a
/// size is given, 1 / scale_factor otherwise, unless OH is H or 2 H. Saves nothing. Throws
/// ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> upsample_nearest2d(const Variable<T>& x, const UpsampleNearestOptions& options) {
  const auto [rows, columns] = detail::upsampled_image("upsample_nearest2d", x.shape(), options);
  return detail::resample<T>(
      "upsample_nearest2d", x,
      {x.dim(0), x.dim(3),
       kernels::nearest_axis<Accumulator<T>>(x.dim(1), rows.outputs, rows.scale),
       kernels::nearest_axis<Accumulator<T>>(x.dim(2), columns.outputs, columns.scale)});
}

/// An image on a grid of another size, by linear interpolation along both axes, in PyTorch's mode
/// "bilinear".
///
/// x (N, H, W, C) -> y (N, OH, OW, C), with row p of y at row s (p + 1/2) - 1/2 of x, s as in
/// upsample_nearest2d; with aligned corners at p (H - 1) / (OH - 1). An image that shrinks is not
/// smoothed before. Saves nothing. Throws ShapeError, and ValueError for options out of range.
template <class T>
Variable<T> upsample_bilinear2d(const Variable<T>& x, const UpsampleBilinearOptions& options) {
  const auto [rows, columns] =
      detail::upsampled_image("upsample_bilinear2d", x.shape(), upsample_size(options));
  return detail::resample<T>(
      "upsample_bilinear2d", x,
      {x.dim(0), x.dim(3),
       detail::linear_axis<Accumulator<T>>(x.dim(1), rows, options.align_corners),
       detail::linear_axis<Accumulator<T>>(x.dim(2), columns, options.align_corners)});
}

CNNRNN_NAMESPACE_END
