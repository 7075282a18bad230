#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/kernels/recurrent_cell.hpp"

// The sequence driver of recurrent layers: takes blocks of sequences through all steps, with the
// cell's function for a step. No thread waits for another inside a sequence.
//
//   N sequences, T steps, F features, U units, D directions, G gates

CNNRNN_KERNELS_BEGIN

/// The weights of one direction: (G U, F), (G U, U), (G U), (G U). The biases may be null.
template <class T>
struct RecurrentWeights {
  const T* weight_ih;
  const T* weight_hh;
  const T* bias_ih = nullptr;
  const T* bias_hh = nullptr;
  Peepholes<T> peepholes = {};
};

/// What forward keeps for the way back; all null when there is none.
template <class T>
struct RecurrentTrace {
  T* gates = nullptr;   // (rows, D G U)
  T* kept = nullptr;    // (rows, D U)
  T* before = nullptr;  // (rows, D U)
};

namespace detail {

// Sequences that one thread takes through all steps: they fill the register tile of every
// instruction set, and their gates stay in the first cache.
inline constexpr Index recurrent_rows = 24;

/// Calls body(direction, n0, count) for blocks of the sequences begin ... end - 1 of all
/// directions, on all threads. The directions of a block follow each other, so that the second
/// finds x in the cache.
template <class Body>
void for_each_recurrent_block(Index directions, Index begin, Index end, const Body& body) {
  const Index blocks = (end - begin + recurrent_rows - 1) / recurrent_rows;
  parallel_for(blocks * directions, 1, [&](Index job, Index) {
    const Index n0 = begin + job / directions * recurrent_rows;
    body(job % directions, n0, std::min(recurrent_rows, end - n0));
  });
}

/// The part of W_hh of each of the cell's products, to multiply states with or gradients.
template <class T>
std::vector<PackedB<T>> pack_weight_hh(const RecurrentDims& d, const RecurrentCell<T>& cell,
                                       const T* weight_hh, bool transposed) {
  std::vector<PackedB<T>> packed;
  for (const StateProduct& product : cell.products) {
    const MatrixView<T> part{weight_hh + product.first * d.u * d.u, d.u, 1};
    const Index gates = product.gates * d.u;
    packed.push_back(transposed ? PackedB<T>(gates, d.u, part.transposed())
                                : PackedB<T>(d.u, gates, part));
  }
  return packed;
}

/// b_ih + b_hh, and b_hh by itself for a product that is apart: (G U), (U).
template <class T>
struct RecurrentBias {
  RecurrentBias(const RecurrentDims& d, const RecurrentCell<T>& cell, const RecurrentWeights<T>& w)
      : input(Tensor<T>::zeros({cell.gates * d.u})), apart(Tensor<T>::zeros({d.u})) {
    add(w.bias_ih, input.size(), input.mutable_data());
    for (const StateProduct& product : cell.products) {
      const T* const bias = w.bias_hh == nullptr ? nullptr : w.bias_hh + product.first * d.u;
      add(bias, product.gates * d.u,
          product.apart ? apart.mutable_data() : input.mutable_data() + product.first * d.u);
    }
  }

  Tensor<T> input;
  Tensor<T> apart;

 private:
  static void add(const T* bias, Index count, T* to) {
    for (Index i = 0; bias != nullptr && i < count; ++i) {
      to[i] += bias[i];
    }
  }
};

/// A direction of a layer, ready for its sequences.
template <class T>
struct ForwardDirection {
  ForwardDirection(const RecurrentDims& d, const RecurrentCell<T>& cell,
                   const RecurrentWeights<T>& w)
      : weight_ih(cell.gates * d.u, d.f, {w.weight_ih, 1, d.f}),
        weight_hh(pack_weight_hh(d, cell, w.weight_hh, true)),
        bias(d, cell, w),
        peepholes(w.peepholes) {}

  PackedB<T> weight_ih;
  std::vector<PackedB<T>> weight_hh;
  RecurrentBias<T> bias;
  Peepholes<T> peepholes;
};

/// Rows that a sequence has no step for.
template <class T>
void clear_rows_without_step(const ForwardStep<T>& s, Index gates) {
  for (Index row = 0; row < s.count; ++row) {
    if (!s.d.has_step(s.n0 + row, s.time)) {
      std::fill_n(s.y[row], s.d.u, T(0));
      std::fill_n(s.gates[row], gates * s.d.u, T(0));
      std::fill_n(s.kept[row], s.d.u, T(0));
      std::fill_n(s.before[row], s.d.u, T(0));
    }
  }
}

}  // namespace detail

/// x (rows, F) -> y (rows, D U); h and c (D, N, U) come as the initial states and leave as those
/// after the last step of each sequence and direction.
template <class T>
void recurrent_forward(const RecurrentDims& d, const RecurrentCell<T>& cell,
                       std::span<const RecurrentWeights<T>> weights, const T* x, T* y, T* h, T* c,
                       const RecurrentTrace<T>& trace) {
  std::vector<detail::ForwardDirection<T>> directions;
  for (const auto& w : weights) {
    directions.emplace_back(d, cell, w);
  }
  const Index width = cell.gates * d.u;
  detail::for_each_recurrent_block(
      d.directions, Index(0), d.n, [&](Index k, Index n0, Index count) {
        const auto& way = directions[static_cast<std::size_t>(k)];
        const Index state = (k * d.n + n0) * d.u;
        Tensor<T> room({count, width + 3 * d.u});
        T* const product = room.mutable_data();
        T* const apart = product + count * width;
        T* const unused = apart + count * d.u;
        for (Index number = 0; number < d.t; ++number) {
          const Index time = step_of(number, d.sequence(), k == 1).time;
          const Index row = d.row(n0, time);
          const auto rows = [&](T* data, Index columns) -> Rows<T> {
            const Index all = d.directions * columns;
            return {data + row * all + k * columns, d.row_step() * all};
          };
          detail::gemm_packed(count, Index(0), width, {x + row * d.f, d.row_step() * d.f, 1},
                              way.weight_ih, {product, width, false, way.bias.input.data()});
          const bool keeps = trace.gates != nullptr;
          const ForwardStep<T> step{
              d,
              way.weight_hh,
              way.bias.apart.data(),
              way.peepholes,
              n0,
              count,
              time,
              {product, width},
              {apart, d.u},
              {h + state, d.u},
              cell.has_cell_state ? Rows<T>{c + state, d.u} : Rows<T>{},
              rows(y, d.u),
              keeps ? rows(trace.gates, width) : Rows<T>{product, width},
              keeps && cell.keeps ? rows(trace.kept, d.u) : Rows<T>{unused, d.u},
              keeps ? rows(trace.before, d.u) : Rows<T>{unused + count * d.u, d.u}};
          cell.forward(step);
          if (d.lengths != nullptr) {
            detail::clear_rows_without_step(step, cell.gates);
          }
        }
      });
}

CNNRNN_KERNELS_END
