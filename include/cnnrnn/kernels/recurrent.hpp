#pragma once

#include <algorithm>
#include <span>
#include <type_traits>

#include "cnnrnn/kernels/gemm.hpp"
#include "cnnrnn/kernels/lanes.hpp"

// The sequence driver of recurrent layers. What a step computes of its products is the cell's: a
// struct such as LstmForward in lstm.hpp, which knows where its states and gates lie.
//
//   N sequences, T steps, U units, G U rows of the recurrent weights (G gates of the cell)

CNNRNN_KERNELS_BEGIN

struct SequenceDims {
  Index n, t, u;
};

/// A step of a direction: its time, and that of the step before it unless it is the first.
struct Step {
  Index time;
  Index before;
  bool first;
};

/// Step `number` in the order of the direction: the reverse one begins at the last time.
inline Step step_of(Index number, const SequenceDims& d, bool reverse) {
  const Index time = reverse ? d.t - 1 - number : number;
  return {time, reverse ? time + 1 : time - 1, number == 0};
}

/// A state through all steps of a direction.
template <class T>
struct StateSequence {
  const T* initial;  // (N, U)
  T* after;          // (N, T, stride), of which the first U: the state after each step
  Index stride;

  T* at(const SequenceDims& d, Index n, Index time) const {
    return after + (n * d.t + time) * stride;
  }

  /// The states (N - n, U) before a step, from sequence n on.
  MatrixView<std::remove_const_t<T>> before(const SequenceDims& d, Index n, Step step) const {
    if (step.first) {
      return {initial + n * d.u, d.u, 1};
    }
    return {at(d, n, step.before), d.t * stride, 1};
  }
};

/// One direction of a layer, forward.
template <class T, class Cell>
struct RecurrentForward {
  Cell cell;
  StateSequence<T> h;  // h.after is written by the cell
  PackedB<T> weight;   // W_hh^T (U, G U)
  const T* bias;       // (G U), may be null
  bool reverse;
};

/// One direction of a layer, backward.
template <class T, class Cell>
struct RecurrentBackward {
  Cell cell;
  PackedB<T> weight;  // W_hh (G U, U)
  const T* dy;        // (N, T, dy_stride), of which the first U; null when there is none
  Index dy_stride;
  T* dh;  // (N, U): comes as the gradient of the last state, leaves as that of the first
  bool reverse;
};

namespace detail {

// Rows of the batch that one thread takes through all steps: they fill the register tile of every
// instruction set, and their gates stay in the first cache.
inline constexpr Index recurrent_rows = 24;

/// Calls body(direction, n0, n1) for blocks of sequences of all directions, on all threads.
template <class Direction, class Body>
void for_each_recurrent_block(Index n, std::span<const Direction> directions, const Body& body) {
  const Index blocks = (n + recurrent_rows - 1) / recurrent_rows;
  parallel_for(blocks * std::ssize(directions), 1, [&](Index job, Index) {
    const Index n0 = job % blocks * recurrent_rows;
    body(directions[static_cast<std::size_t>(job / blocks)], n0, std::min(n, n0 + recurrent_rows));
  });
}

/// row (U) += added (U)
template <class T>
void add_row(Index u, const T* added, T* row) {
  for (Index k = 0; k < u; ++k) {
    row[k] += added[k];
  }
}

}  // namespace detail

/// Takes all directions of a layer through their sequences. A step is the product of the states
/// before it with W_hh^T, plus the bias, then for each sequence
/// `cell.forward(n, step, product (G U), h_before, h_after)`. No thread waits for another in
/// between.
template <class T, class Cell>
void recurrent_forward(const SequenceDims& d,
                       std::span<const RecurrentForward<T, Cell>> directions) {
  detail::for_each_recurrent_block(d.n, directions, [&](const auto& way, Index n0, Index n1) {
    const Index columns = way.weight.n();
    Tensor<T> product({n1 - n0, columns});
    T* const products = product.mutable_data();
    for (Index number = 0; number < d.t; ++number) {
      const Step step = step_of(number, d, way.reverse);
      const MatrixView<T> before = way.h.before(d, n0, step);
      gemm(n1 - n0, before, way.weight, {products, columns, false, way.bias});
      for (Index n = n0; n < n1; ++n) {
        way.cell.forward(n, step, products + (n - n0) * columns, before.at(n - n0, 0),
                         way.h.at(d, n, step.time));
      }
    }
  });
}

/// The way back: at each step the gradient of the state after it is that of y plus what came from
/// the steps behind. `cell.backward(n, step, dh)` turns it into gradients of the gates, and the
/// product of `cell.product_gradient(n, step)` (N - n, G U) with W_hh is the gradient of the state
/// before. A cell whose state also passes to the next by itself leaves that part in dh and sets
/// `keeps_part_of_dh`.
template <class T, class Cell>
void recurrent_backward(const SequenceDims& d,
                        std::span<const RecurrentBackward<T, Cell>> directions) {
  detail::for_each_recurrent_block(d.n, directions, [&](const auto& way, Index n0, Index n1) {
    for (Index number = d.t - 1; number >= 0; --number) {
      const Step step = step_of(number, d, way.reverse);
      for (Index n = n0; n < n1; ++n) {
        T* const dh = way.dh + n * d.u;
        if (way.dy != nullptr) {
          detail::add_row(d.u, way.dy + (n * d.t + step.time) * way.dy_stride, dh);
        }
        way.cell.backward(n, step, dh);
      }
      gemm(n1 - n0, way.cell.product_gradient(n0, step), way.weight,
           {way.dh + n0 * d.u, d.u, Cell::keeps_part_of_dh});
    }
  });
}

/// The state before every step, to (N, T, U): what the recurrent weights were multiplied with.
template <class T>
void previous_states(const SequenceDims& d, const StateSequence<const T>& h, bool reverse, T* to) {
  parallel_for(d.n, detail::recurrent_rows, [&](Index begin, Index end) {
    for (Index n = begin; n < end; ++n) {
      for (Index number = 0; number < d.t; ++number) {
        const Step step = step_of(number, d, reverse);
        std::copy_n(h.before(d, n, step).data, d.u, to + (n * d.t + step.time) * d.u);
      }
    }
  });
}

/// The state after the last step of a direction, to (N, U).
template <class T>
void final_states(const SequenceDims& d, const StateSequence<T>& state, bool reverse, T* to) {
  const Index last = step_of(d.t - 1, d, reverse).time;
  for (Index n = 0; n < d.n; ++n) {
    std::copy_n(state.at(d, n, last), d.u, to + n * d.u);
  }
}

CNNRNN_KERNELS_END
