#pragma once

#include <type_traits>

#include "cnnrnn/kernels/conv2d/winograd/transform.hpp"
#include "cnnrnn/kernels/gemm/pack.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"

CNNRNN_KERNELS_BEGIN

/// The number of taps of a 3x3 kernel.
using WinogradKernelTaps = std::integral_constant<Index, Winograd::kernel * Winograd::kernel>;

/// Where the kernels of a convolution lie in memory, tap after tap: that of a group from
/// channel k to output `column` begins at data[group group_stride + column column_stride + k
/// k_stride]. Their elements are what is computed with, or bfloat16.
template <class T>
struct WinogradKernels {
  const T* data;
  Index column_stride;
  Index k_stride;
  bool turned = false;  ///< by half a turn, as the gradient of the input reads them
  const Accumulator<T>* scale = nullptr;  ///< (groups, columns): a factor for each output
  Index groups = 1;
  Index group_stride = 0;

  /// Those of a group of `columns` outputs.
  WinogradKernels group(Index index, Index columns) const {
    WinogradKernels one = *this;
    one.data += index * group_stride;
    one.scale = scale != nullptr ? scale + index * columns : nullptr;
    one.groups = 1;
    return one;
  }

  /// Asks for the first lines of the kernels from the channels k ... k + count - 1 to `columns`
  /// outputs from n0 on, which lie too far apart for the processor to see them come.
  void fetch(Index n0, Index columns, Index k, Index count) const {
    for (Index column = n0; column < n0 + columns; ++column) {
      for (Index i = k; i < k + count; ++i) {
        fetch_line(data + column * column_stride + i * k_stride);
      }
    }
  }

  /// Copies the kernels of so many taps from channel k to a packet of `lanes` outputs from n0 on to
  /// (taps, width), with zeros in the other lanes. The compiler may know the number.
  template <class Taps>
  void read(Taps taps, Index n0, Index lanes, Index k, Accumulator<T>* to) const {
    using P = Packet<Accumulator<T>>;
    constexpr Index width = P::width;
    const T* const from = data + n0 * column_stride + k * k_stride;
    if (turned) {
      detail::pack_transposed_strip(taps, lanes, from, column_stride, to + (taps - 1) * width,
                                    -width);
    } else {
      detail::pack_transposed_strip(taps, lanes, from, column_stride, to, width);
    }
    if (scale != nullptr) {
      const auto factor = P::load_partial(scale + n0, lanes);
      for (Index tap = 0; tap < taps; ++tap) {
        (P::load(to + tap * width) * factor).store(to + tap * width);
      }
    }
  }
};

CNNRNN_KERNELS_END
