#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/resample/axis.hpp"

//   x (N, H, W, C) -> y (N, OH, OW, C), each row of y from rows of x, each pixel from pixels of
//   that

CNNRNN_KERNELS_BEGIN

template <class T>
struct ResampleDims {
  Index n, c;
  ResampleAxis<T> rows;     // H to OH
  ResampleAxis<T> columns;  // W to OW
};

namespace detail {

template <class T>
bool is_copy(std::span<const ResampleTerm<T>> terms) {
  return terms.size() == 1 && terms[0].weight == T(1);
}

/// to = the sum of weight * from of so many terms, runs of `count` elements; or adds it.
template <std::size_t Terms, class T>
void add_runs(const ResampleTerm<T>* terms, Index count, const T* from, T* to, bool accumulate) {
  std::array<const T*, Terms> runs;
  std::array<Packet<T>, Terms> weights;
  for (std::size_t k = 0; k < Terms; ++k) {
    runs[k] = from + terms[k].from * count;
    weights[k] = Packet<T>::set(terms[k].weight);
  }
  for_each_lanes_side_by_side<T>(count, [=](auto packets, const auto& lanes) {
    std::array<Packet<T>, packets> sums;
    unroll<Index{packets}>(
        [&](auto v) { sums[v] = accumulate ? lanes.beside(v).load(to) : Packet<T>::zero(); });
    unroll<Index{Terms}>([&](auto k) {
      unroll<Index{packets}>([&](auto v) {
        sums[v] = multiply_add(lanes.beside(v).load(runs[k]), weights[k], sums[v]);
      });
    });
    unroll<Index{packets}>([&](auto v) { lanes.beside(v).store(to, sums[v]); });
  });
}

/// The same of any number of terms.
template <class T>
void add_terms(std::span<const ResampleTerm<T>> terms, Index count, const T* from, T* to,
               bool accumulate) {
  if (is_copy(terms) && !accumulate) {
    std::copy_n(from + terms[0].from * count, count, to);
    return;
  }
  switch (terms.size()) {
    case 0:
      std::fill_n(to, accumulate ? 0 : count, T(0));
      return;
    case 1:
      return add_runs<1>(terms.data(), count, from, to, accumulate);
    case 2:
      return add_runs<2>(terms.data(), count, from, to, accumulate);
    case 3:
      return add_runs<3>(terms.data(), count, from, to, accumulate);
    case 4:
      return add_runs<4>(terms.data(), count, from, to, accumulate);
    default:
      add_runs<4>(terms.data(), count, from, to, accumulate);
      return add_terms(terms.subspan(4), count, from, to, true);
  }
}

/// One row of the result without its columns: in `buffer`, or where it lies in the image.
template <class T>
const T* mixed_row(std::span<const ResampleTerm<T>> terms, Index count, const T* image, T* buffer) {
  if (is_copy(terms)) {
    return image + terms[0].from * count;
  }
  add_terms(terms, count, image, buffer, false);
  return buffer;
}

template <class T>
void resample(const ResampleDims<T>& d, const T* x, T* y, bool accumulate) {
  const Index row_size = d.columns.size() * d.c;
  const Index outputs = d.columns.outputs();
  constexpr Index block = 1 << 13;
  const Index lines = std::max<Index>(1, block / std::max<Index>(1, outputs * d.c));
  parallel_for(d.n * d.rows.outputs(), lines, [&](Index begin, Index end) {
    const ThreadScratch<T> buffer(row_size);
    for (Index line = begin; line < end; ++line) {
      const T* const image = x + line / d.rows.outputs() * d.rows.size() * row_size;
      const T* const row =
          mixed_row(d.rows[line % d.rows.outputs()], row_size, image, buffer.data());
      for (Index q = 0; q < outputs; ++q) {
        add_terms(d.columns[q], d.c, row, y + (line * outputs + q) * d.c, accumulate);
      }
    }
  });
}

}  // namespace detail

/// y = x on the other grid
template <class T>
void resample_forward(const ResampleDims<T>& d, const T* x, T* y) {
  detail::resample(d, x, y, false);
}

/// dx = dy through the transposed matrices
template <class T>
void resample_backward(const ResampleDims<T>& d, const T* dy, GradientSpan<T> dx) {
  if (dx.needed()) {
    const ResampleDims<T> back{d.n, d.c, d.rows.transposed(), d.columns.transposed()};
    detail::resample(back, dy, dx.data(), dx.accumulate);
  }
}

CNNRNN_KERNELS_END
