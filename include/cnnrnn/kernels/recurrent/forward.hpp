#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/kernels/recurrent/cell.hpp"

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
  const Index u = s.block.d.u;
  for (Index row = 0; row < s.block.count; ++row) {
    if (!s.block.d.has_step(s.block.n0 + row, s.block.time)) {
      std::fill_n(s.y[row], u, T(0));
      std::fill_n(s.trace.gates[row], gates * u, T(0));
      std::fill_n(s.trace.kept[row], u, T(0));
      std::fill_n(s.trace.before[row], u, T(0));
    }
  }
}

}  // namespace detail

/// A layer forward: x (rows, F) -> y (rows, D U).
template <class T>
class RecurrentForward {
 public:
  RecurrentForward(const RecurrentDims& d, const RecurrentCell<T>& cell,
                   std::span<const RecurrentWeights<T>> weights, const T* x, T* y,
                   const RecurrentTrace<T>& trace)
      : d_(d), cell_(cell), x_(x), y_(y), trace_(trace) {
    for (const auto& w : weights) {
      directions_.emplace_back(d, cell, w);
    }
  }

  /// h and c (D, N, U) come as the initial states and leave as those after the last step of each
  /// sequence and direction.
  void run(T* h, T* c) {
    detail::for_each_recurrent_block(
        d_.directions, Index(0), d_.n,
        [&](Index k, Index n0, Index count) { take_steps(k, n0, count, h, c); });
  }

 private:
  void take_steps(Index k, Index n0, Index count, T* h, T* c) {
    const auto& direction = directions_[static_cast<std::size_t>(k)];
    const Index state = (k * d_.n + n0) * d_.u;
    auto room = Tensor<T>::zeros({count, width_ + 3 * d_.u});
    const Rows<T> product{room.mutable_data(), width_};
    const Rows<T> apart{product[count], d_.u};
    const Rows<T> unused{apart[count], d_.u};
    const Rows<T> unused_too{unused[count], d_.u};
    const bool keeps = trace_.gates != nullptr;
    for (Index number = 0; number < d_.t; ++number) {
      const Index time = step_of(number, d_.sequence(), k == 1).time;
      const Index row = d_.row(n0, time);
      gemm(count, {x_of_step(k, n0, number), d_.row_step() * d_.f, 1}, direction.weight_ih,
           {product.data, width_, false, direction.bias.input.data()},
           x_of_step(k, n0, number + 1));
      const StepTrace<T> trace{keeps ? part(trace_.gates, row, k, width_) : product,
                               keeps && cell_.keeps ? part(trace_.kept, row, k, d_.u) : unused,
                               keeps ? part(trace_.before, row, k, d_.u) : unused_too};
      const ForwardStep<T> step{
          .block = {d_, n0, count, time},
          .weights = {direction.weight_hh, direction.peepholes, direction.bias.apart.data()},
          .product = product,
          .apart = apart,
          .h = {h + state, d_.u},
          .c = cell_.has_cell_state ? Rows<T>{c + state, d_.u} : Rows<T>{},
          .y = part(y_, row, k, d_.u),
          .trace = trace};
      cell_.forward(step);
      if (d_.lengths != nullptr) {
        detail::clear_rows_without_step(step, cell_.gates);
      }
    }
  }

  /// The first row of x of a step, null after the last one.
  const T* x_of_step(Index k, Index n0, Index number) const {
    if (number == d_.t) {
      return nullptr;
    }
    return x_ + d_.row(n0, step_of(number, d_.sequence(), k == 1).time) * d_.f;
  }

  /// The columns of direction k in rows of D `columns` each, sequence by sequence.
  Rows<T> part(T* data, Index row, Index k, Index columns) const {
    const Index all = d_.directions * columns;
    return {data + row * all + k * columns, d_.row_step() * all};
  }

  const RecurrentDims& d_;
  const RecurrentCell<T>& cell_;
  const T* x_;
  T* y_;
  RecurrentTrace<T> trace_;
  Index width_ = cell_.gates * d_.u;
  std::vector<detail::ForwardDirection<T>> directions_;
};

CNNRNN_KERNELS_END
