#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/tap_order.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

// The input gradient by columns (col2im): what each output pixel owes to all the inputs that it has
// read is one product, and is added to them. Nothing is computed in vain at strides above one, nor
// for a few input channels, of which the other algorithms make a whole vector.
//
//   K   KH KW C: all that an output pixel reads in its group

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The input gradient of some channels of one group: their columns, a band of output rows of one
/// image at a time, and their way into dx.
template <class T>
class ConvColumns {
 public:
  ConvColumns(const Conv2dDims& d, const T* weight, Index group, Index first, Index channels)
      : d_(d),
        group_(group),
        first_(group * d.group_c() + first),
        channels_(channels),
        k_(d.taps() * channels),
        packed_(k_, d.group_o(), MatrixView<T>{rows(weight, first).data(), k_, 1}) {
    constexpr Index elements = 1 << 15;
    band_ = std::clamp<Index>(elements / std::max<Index>(1, d.ow() * k_), 1, d.oh());
  }

  /// Adds what the output gradients dy (OH, OW, O) of one image owe to dx (H, W, C).
  void add_image(const T* dy, T* dx) const {
    const ThreadScratch<T> columns(band_ * d_.ow() * k_);
    for (Index p = 0; p < d_.oh(); p += band_) {
      const Index rows = std::min(band_, d_.oh() - p);
      const MatrixView<T> from{dy + p * d_.ow() * d_.o + group_ * d_.group_o(), d_.o, 1};
      gemm(rows * d_.ow(), from, packed_, GemmOutput<T>{columns.data(), k_});
      for (Index row = 0; row < rows; ++row) {
        add_row(p + row, columns.data() + row * d_.ow() * k_, dx + first_);
      }
    }
  }

  void fill_image(T* dx) const {
    for (Index pixel = 0; pixel < d_.h * d_.w; ++pixel) {
      std::fill_n(dx + pixel * d_.c + first_, channels_, T(0));
    }
  }

 private:
  /// The weights as rows (O, KH, KW, channels).
  Tensor<T> rows(const T* weight, Index first) const {
    Tensor<T> all({d_.group_o(), k_});
    T* const to = all.mutable_data();
    parallel_for(d_.group_o(), 1, [&](Index o, Index) {
      const T* const from = weight + d_.weight_at(group_ * d_.group_o() + o, first, 0, 0);
      taps_first(channels_, d_.taps(), from, T(1), to + o * k_);
    });
    return all;
  }

  /// Adds the columns (OW, K) of output row p to the rows of dx that it has read.
  void add_row(Index p, const T* columns, T* dx) const {
    for (Index i = 0; i < d_.kernel.h; ++i) {
      const Index row = p * d_.stride.h + i * d_.dilation.h - d_.padding.h;
      if (row >= 0 && row < d_.h) {
        add_taps(columns + i * d_.kernel.w * channels_, dx + row * d_.w * d_.c);
      }
    }
  }

  /// Adds the taps of one kernel row to a row of dx. Of all channels, without dilation, the taps of
  /// an output pixel lie side by side in both.
  void add_taps(const T* columns, T* row) const {
    const bool together = d_.dilation.w == 1 && channels_ == d_.c;
    const Index reach = together ? d_.kernel.w : 1;
    for (Index q = 0; q < d_.ow(); ++q, columns += k_) {
      for (Index j = 0; j < d_.kernel.w; j += reach) {
        const Index column = q * d_.stride.w + j * d_.dilation.w - d_.padding.w;
        const Index begin = std::max<Index>(0, -column);
        const Index end = std::min(reach, d_.w - column);
        T* const to = row + (column + begin) * d_.c;
        const T* const from = columns + (j + begin) * channels_;
        for_each_lanes<T>(std::max<Index>(0, end - begin) * channels_, [=](const auto& lanes) {
          lanes.store(to, lanes.load(to) + lanes.load(from));
        });
      }
    }
  }

  Conv2dDims d_;
  Index group_;
  Index first_;
  Index channels_;
  Index k_;
  Index band_ = 0;
  PackedB<T> packed_;
};

/// Channels of a group that a job makes: all, or fewer where images and groups are few. A sum does
/// not depend on it.
template <class T>
Index columns_channels(const Conv2dDims& d) {
  constexpr Index enough = 16;
  const Index cuts = std::max<Index>(1, enough / std::max<Index>(1, d.n * d.groups));
  return std::min(d.group_c(), round_up((d.group_c() + cuts - 1) / cuts, 2 * Packet<T>::width));
}

template <class T>
void columns_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  const Index channels = columns_channels<T>(d);
  std::vector<ConvColumns<T>> slices;
  for (Index group = 0; group < d.groups; ++group) {
    for (Index first = 0; first < d.group_c(); first += channels) {
      slices.emplace_back(d, weight, group, first, std::min(channels, d.group_c() - first));
    }
  }
  parallel_for(d.n * std::ssize(slices), 1, [&](Index job, Index) {
    const Index image = job / std::ssize(slices);
    const auto& slice = slices[static_cast<std::size_t>(job % std::ssize(slices))];
    T* const to = dx.data() + image * d.h * d.w * d.c;
    if (!dx.accumulate) {
      slice.fill_image(to);
    }
    slice.add_image(dy + image * d.oh() * d.ow() * d.o, to);
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
