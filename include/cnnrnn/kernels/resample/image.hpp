#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

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

/// to = the sum of weight * from of so many terms, runs of `count` elements; or adds it. Elements
/// are T, or bfloat16 where that is float.
template <std::size_t Terms, class T, class From, class To>
void add_runs(const ResampleTerm<T>* terms, Index count, const From* from, To* to,
              bool accumulate) {
  std::array<const From*, Terms> runs;
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

/// The same of any number of terms. What becomes bfloat16 is summed in memory of its own if there
/// are many: it is rounded once.
template <class T, class From, class To>
void add_terms(std::span<const ResampleTerm<T>> terms, Index count, const From* from, To* to,
               bool accumulate) {
  if constexpr (std::is_same_v<From, To>) {
    if (is_copy(terms) && !accumulate) {
      std::copy_n(from + terms[0].from * count, count, to);
      return;
    }
  }
  if constexpr (is_bfloat16<To>) {
    if (terms.size() > 4) {
      const ThreadScratch<T> sums(count);
      add_terms(terms, count, from, sums.data(), false);
      const ResampleTerm<T> whole{0, 1};
      return add_runs<1>(&whole, count, sums.data(), to, accumulate);
    }
  }
  switch (terms.size()) {
    case 0:
      std::fill_n(to, accumulate ? 0 : count, To(0));
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

template <class T, class Element>
void resample(const ResampleDims<T>& d, const Element* x, Element* y, bool accumulate) {
  const Index row_size = d.columns.size() * d.c;
  const Index outputs = d.columns.outputs();
  constexpr Index block = 1 << 13;
  const Index lines = std::max<Index>(1, block / std::max<Index>(1, outputs * d.c));
  parallel_for(d.n * d.rows.outputs(), lines, [&](Index begin, Index end) {
    const ThreadScratch<T> mixed(row_size);
    for (Index line = begin; line < end; ++line) {
      const auto terms = d.rows[line % d.rows.outputs()];
      const Element* const image = x + line / d.rows.outputs() * d.rows.size() * row_size;
      const auto mix_columns = [&](const auto* row) {
        for (Index q = 0; q < outputs; ++q) {
          add_terms(d.columns[q], d.c, row, y + (line * outputs + q) * d.c, accumulate);
        }
      };
      if (is_copy(terms)) {
        mix_columns(image + terms[0].from * row_size);
      } else {
        add_terms(terms, row_size, image, mixed.data(), false);
        mix_columns(static_cast<const T*>(mixed.data()));
      }
    }
  });
}

}  // namespace detail

/// y = x on the other grid
template <class T>
void resample_forward(const ResampleDims<Accumulator<T>>& d, const T* x, T* y) {
  detail::resample(d, x, y, false);
}

/// dx = dy through the transposed matrices
template <class T>
void resample_backward(const ResampleDims<Accumulator<T>>& d, const T* dy, GradientSpan<T> dx) {
  if (dx.needed()) {
    const ResampleDims<Accumulator<T>> back{d.n, d.c, d.rows.transposed(), d.columns.transposed()};
    detail::resample(back, dy, dx.data(), dx.accumulate);
  }
}

CNNRNN_KERNELS_END
