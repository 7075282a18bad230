#pragma once

#include "cnnrnn/core/namespace.hpp"
#include "cnnrnn/core/shape.hpp"

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

/// A recurrent layer of N sequences, T steps, F features, U units and D directions (1 or 2). A step
/// of a sequence is a row of x, of y and of all that is kept.
struct RecurrentDims {
  Index n, t, f, u, directions;
  /// So many sequences lie side by side, step by step: rows (N / group, T, group). One makes (N,
  /// T), N make (T, N), and W make the columns of maps (N / W, T, W).
  Index group = 1;
  const Index* lengths = nullptr;  // (N), null when all sequences have T steps

  SequenceDims sequence() const { return {n, t, u}; }
  Index rows() const { return n * t; }
  Index row(Index sequence, Index time) const {
    return sequence / group * group * t + time * group + sequence % group;
  }
  /// Whether the rows of all sequences at one time are equally far apart.
  bool evenly_spaced() const { return group == 1 || group >= n; }
  /// From the row of a sequence to that of the next one at the same time, if evenly spaced.
  Index row_step() const { return group == 1 ? t : 1; }

  bool has_step(Index sequence, Index time) const {
    return lengths == nullptr || time < lengths[sequence];
  }
};

CNNRNN_KERNELS_END
