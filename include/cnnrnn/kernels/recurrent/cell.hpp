#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/recurrent/dims.hpp"
#include "cnnrnn/kernels/recurrent/schedule.hpp"

// What a recurrent cell is to the sequence driver in recurrent.hpp: how many gates it has, which
// products it takes of its state, and a step forward and backward for a block of sequences.
//
//   G gates of U units; R sequences of a block

CNNRNN_KERNELS_BEGIN

/// A sequence of a block: its number in the block, and how many rows of x, y and the trace its step
/// lies behind that of the first.
struct BlockRow {
  Index number;
  Index place;
};

/// Rows of a matrix, or of some of its columns: of a block's own, or where its steps lie.
template <class T>
struct Rows {
  T* data = nullptr;
  Index stride = 0;
  bool in_place = false;

  T* operator[](const BlockRow& row) const {
    return data + (in_place ? row.place : row.number) * stride;
  }
  T* operator[](Index number) const { return data + number * stride; }
  Rows shifted(Index columns) const { return {data + columns, stride, in_place}; }
};

/// The weights of an LSTM by which its gates see the cell state, (U) each; all null without.
template <class T>
struct Peepholes {
  const T* input = nullptr;
  const T* forget = nullptr;
  const T* output = nullptr;

  Peepholes shifted(Index units) const {
    const auto from = [units](const T* weight) {
      return weight != nullptr ? weight + units : nullptr;
    };
    return {from(input), from(forget), from(output)};
  }
  bool any() const { return input != nullptr || forget != nullptr || output != nullptr; }
};

/// A product with the recurrent weights of `gates` gates from `first` on. `with_kept`: of what the
/// cell keeps instead of the state. `apart`: it is not added to the product of the input, so the
/// gradient is one of its own.
struct StateProduct {
  Index first;
  Index gates;
  bool with_kept = false;
  bool apart = false;
};

/// Which rows a step takes: `count` sequences from n0 on, at one time.
struct StepBlock {
  const RecurrentDims& d;
  Index n0, count, time;

  /// Calls body(row) for the sequences that have this step.
  template <class Body>
  void for_each_row(const Body& body) const {
    for_all_rows([&](const BlockRow& row) {
      if (has_step(row)) {
        body(row);
      }
    });
  }

  /// Calls body(row) for all sequences.
  template <class Body>
  void for_all_rows(const Body& body) const {
    Index left = d.group - n0 % d.group;  // in the group
    BlockRow row{0, 0};
    for (; row.number < count; ++row.number) {
      body(row);
      const bool next = --left > 0;
      row.place += next ? 1 : 1 + d.group * (d.t - 1);
      left = next ? left : d.group;
    }
  }

  bool has_step(const BlockRow& row) const { return d.has_step(n0 + row.number, time); }
};

/// The recurrent weights of one direction: for each StateProduct its part of W_hh^T (U, gates U)
/// forward, of W_hh (gates U, U) backward.
template <class T>
struct StepWeights {
  std::span<const StepMatrix<T>> weight_hh;
  Peepholes<T> peepholes;
  const T* apart_bias = nullptr;  // (U): of the product that is apart, forward

  /// output = or += a (count, K) times the weights of product k. `a` and `output` point to the
  /// share's first unit; all of `a`, which the whole team has made, is read.
  void multiply(Index count, std::size_t k, Rows<T> a, const GemmOutput<T>& output,
                const UnitShare& share) const {
    const Rows<T> whole = a.shifted(-share.first);
    share.member.wait();
    weight_hh[k].multiply(count, share.first, share.count, {whole.data, whole.stride, 1},
                          output.shifted(0, -share.first));
    share.member.wait();
  }
};

/// What forward keeps of a step for backward.
template <class T>
struct StepTrace {
  Rows<T> gates;   // (R, G U): forward it may be the product of the input
  Rows<T> kept;    // (R, U): what else the cell needs
  Rows<T> before;  // (R, U): the state before the step
};

/// A step of R sequences of one direction forward. All rows point to the share's first unit.
template <class T>
struct ForwardStep {
  StepBlock block;
  UnitShare share;
  StepWeights<T> weights;
  Rows<T> product;  // (R, G U): comes as the product of the input, with the biases
  Rows<T> apart;    // (R, U): room for a second product
  Rows<T> h;        // (R, U): comes as the state before the step, leaves as that after it
  Rows<T> c;        // the same of the cell state
  Rows<T> y;        // (R, U): h once more
  StepTrace<T> trace;

  /// output = or += states (R, U) W_hh^T, of product k.
  void multiply(std::size_t k, Rows<T> states, const GemmOutput<T>& output) const {
    weights.multiply(block.count, k, states, output, share);
  }
};

/// The same step backward.
template <class T>
struct BackwardStep {
  StepBlock block;
  UnitShare share;
  StepWeights<T> weights;
  StepTrace<const T> trace;
  Rows<const T> dy;  // (R, U)
  Rows<T> dh;        // (R, U): comes without dy, leaves as that before the step
  Rows<T> dc;        // (R, U)
  Rows<T> dgates;    // (R, G U): of the product of the input, for the cell to store, as is the next
  Rows<T> dapart;    // (R, U): of the product that is apart, if there is one
  T* dpeepholes;     // (3, U): to add to

  /// output = or += gradient (R, gates U) W_hh, of product k.
  void multiply(std::size_t k, Rows<T> gradient, const GemmOutput<T>& output) const {
    weights.multiply(block.count, k, gradient, output, share);
  }
};

/// A kind of cell. Its step forward leaves the state after the step, and what the way back needs;
/// its step backward makes gradients of the gates and of the state before.
template <class T>
struct RecurrentCell {
  const char* name;
  Index gates;
  bool has_cell_state;
  bool keeps;  // uses `kept`
  std::vector<StateProduct> products;
  void (*forward)(const ForwardStep<T>&);
  void (*backward)(const BackwardStep<T>&);

  bool has_apart() const {
    return std::any_of(products.begin(), products.end(),
                       [](const StateProduct& product) { return product.apart; });
  }
};

CNNRNN_KERNELS_END
