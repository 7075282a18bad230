#pragma once

#include <algorithm>

#include "cnnrnn/ops/pad.hpp"
#include "cnnrnn/ops/resample.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of pad2d.
struct Pad2dOptions {
  Padding rows = {};              ///< above and below
  Padding columns = {};           ///< left and right
  PadMode mode = PadMode::zeros;  ///< what the border is made of
};

/// Throws ValueError for a negative padding; `name` is the operation's.
inline void check_pad2d(const char* name, const Pad2dOptions& options) {
  const auto& [rows, columns, mode] = options;
  require<ValueError>(
      rows.before >= 0 && rows.after >= 0 && columns.before >= 0 && columns.after >= 0, name,
      ": expected paddings of 0 or more, got ", rows.before, " and ", rows.after, " for rows, ",
      columns.before, " and ", columns.after, " for columns");
}

namespace detail {

/// Zeros stand around anything; what is repeated must be there, what is mirrored behind its edge.
inline void check_padded_axis(const Shape& x, Index axis, const Padding& padding, PadMode mode) {
  const Index longest = std::max(padding.before, padding.after);
  require<ShapeError>(mode != PadMode::reflect || longest < x[axis],
                      "pad2d: expected paddings smaller than axis ", axis, " to reflect, got ",
                      padding.before, " and ", padding.after, " for ", x);
  require<ShapeError>(mode != PadMode::replicate || x[axis] > 0,
                      "pad2d: expected pixels to replicate, got ", x);
}

}  // namespace detail

/// A border around an image: of zeros, or of its own pixels. For other values and axes see pad; to
/// crop, slice.
///
/// x (N, H, W, C) -> y (N, OH, OW, C) with OH = rows.before + H + rows.after. Saves nothing. Throws
/// ShapeError where the image is too small for the mode, ValueError for a negative padding.
template <class T>
Variable<T> pad2d(const Variable<T>& x, const Pad2dOptions& options) {
  check_pad2d("pad2d", options);
  const auto& [rows, columns, mode] = options;
  require<ShapeError>(x.rank() == 4, "pad2d: expected x (N, H, W, C), got ", x.shape());
  detail::check_padded_axis(x.shape(), 1, rows, mode);
  detail::check_padded_axis(x.shape(), 2, columns, mode);
  return detail::resample<T>(
      "pad2d", x,
      {x.dim(0), x.dim(3),
       kernels::padded_axis<Accumulator<T>>(x.dim(1), rows.before, rows.after, mode),
       kernels::padded_axis<Accumulator<T>>(x.dim(2), columns.before, columns.after, mode)});
}

CNNRNN_NAMESPACE_END
