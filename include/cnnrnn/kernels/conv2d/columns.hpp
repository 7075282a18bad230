#pragma once

#include <algorithm>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/gemm/product.hpp"

// The input gradient by columns (col2im): what each output pixel owes to all the inputs that it has
// read is one product, and is added to them. Nothing is computed in vain at strides above one, nor
// for a few input channels, of which the other algorithms make a whole vector.
//
//   K   KH KW C: all that an output pixel reads in its group

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The columns of a band of output rows of one image, and their way into dx.
template <class T>
class ConvColumns {
 public:
  ConvColumns(const Conv2dDims& d, const T* weight) : d_(d), k_(d.taps() * d.group_c()) {
    constexpr Index elements = 1 << 15;
    band_ = std::clamp<Index>(elements / std::max<Index>(1, d.ow() * k_), 1, d.oh());
    Tensor<T> rows({d.group_o(), k_});
    for (Index g = 0; g < d.groups; ++g) {
      arrange(g, weight, rows.mutable_data());
      packed_.emplace_back(k_, d.group_o(), MatrixView<T>{rows.data(), k_, 1});
    }
  }

  /// Adds what the output gradients dy (OH, OW, O) of one image owe to dx (H, W, C).
  void add_image(const T* dy, T* dx) const {
    const ThreadScratch<T> columns(band_ * d_.ow() * k_);
    for (Index g = 0; g < d_.groups; ++g) {
      for (Index p = 0; p < d_.oh(); p += band_) {
        const Index rows = std::min(band_, d_.oh() - p);
        const MatrixView<T> from{dy + p * d_.ow() * d_.o + g * d_.group_o(), d_.o, 1};
        T* const to = columns.data();
        gemm(rows * d_.ow(), from, packed_[static_cast<std::size_t>(g)], GemmOutput<T>{to, k_});
        for (Index row = 0; row < rows; ++row) {
          add_row(p + row, to + row * d_.ow() * k_, dx + g * d_.group_c());
        }
      }
    }
  }

 private:
  /// rows (O, KH, KW, C) of one group
  void arrange(Index g, const T* weight, T* rows) const {
    for (Index o = 0; o < d_.group_o(); ++o) {
      for (Index i = 0; i < d_.kernel.h; ++i) {
        for (Index j = 0; j < d_.kernel.w; ++j) {
          for (Index c = 0; c < d_.group_c(); ++c) {
            *rows++ = weight[d_.weight_at(g * d_.group_o() + o, c, i, j)];
          }
        }
      }
    }
  }

  /// Adds the columns (OW, K) of output row p to the rows of dx that it has read.
  void add_row(Index p, const T* columns, T* dx) const {
    for (Index i = 0; i < d_.kernel.h; ++i) {
      const Index row = p * d_.stride.h + i * d_.dilation.h - d_.padding.h;
      if (row >= 0 && row < d_.h) {
        add_taps(columns + i * d_.kernel.w * d_.group_c(), dx + row * d_.w * d_.c);
      }
    }
  }

  /// Adds the taps of one kernel row to a row of dx. Without dilation and groups the taps of an
  /// output pixel lie side by side in both.
  void add_taps(const T* columns, T* row) const {
    const bool together = d_.dilation.w == 1 && d_.groups == 1;
    const Index reach = together ? d_.kernel.w : 1;
    for (Index q = 0; q < d_.ow(); ++q, columns += k_) {
      for (Index j = 0; j < d_.kernel.w; j += reach) {
        const Index column = q * d_.stride.w + j * d_.dilation.w - d_.padding.w;
        const Index begin = std::max<Index>(0, -column);
        const Index end = std::min(reach, d_.w - column);
        T* const to = row + (column + begin) * d_.c;
        const T* const from = columns + (j + begin) * d_.group_c();
        for_each_lanes<T>(std::max<Index>(0, end - begin) * d_.group_c(), [=](const auto& lanes) {
          lanes.store(to, lanes.load(to) + lanes.load(from));
        });
      }
    }
  }

  Conv2dDims d_;
  Index k_;
  Index band_;
  std::vector<PackedB<T>> packed_;
};

template <class T>
void columns_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  const ConvColumns<T> columns(d, weight);
  parallel_for(d.n, 1, [&](Index image, Index) {
    T* const to = dx.data() + image * d.h * d.w * d.c;
    if (!dx.accumulate) {
      std::fill_n(to, d.h * d.w * d.c, T(0));
    }
    columns.add_image(dy + image * d.oh() * d.ow() * d.o, to);
  });
}

}  // namespace detail

CNNRNN_KERNELS_END
