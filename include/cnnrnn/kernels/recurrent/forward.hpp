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

/// The part of W_hh of each of the cell's products, to multiply states with or gradients.
template <class T>
std::vector<StepMatrix<T>> step_weights(const RecurrentDims& d, const RecurrentCell<T>& cell,
                                        const T* weight_hh, bool transposed, bool packs) {
  std::vector<StepMatrix<T>> weights;
  for (const StateProduct& product : cell.products) {
    const MatrixView<T> part{weight_hh + product.first * d.u * d.u, d.u, 1};
    if (transposed) {
      weights.emplace_back(product.gates, d.u, d.u, part.transposed(), packs);
    } else {
      weights.emplace_back(Index(1), d.u, product.gates * d.u, part, packs);
    }
  }
  return weights;
}

/// Whether threads can share the units of every product.
template <class T>
bool all_shareable(const std::vector<StepMatrix<T>>& weights) {
  return std::all_of(weights.begin(), weights.end(),
                     [](const auto& weight) { return weight.shareable(); });
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

/// Rows that a sequence has no step for.
template <class T>
void clear_rows_without_step(const ForwardStep<T>& s, Index gates) {
  const Index units = s.share.count;
  s.block.for_all_rows([&](const BlockRow& row) {
    if (!s.block.has_step(row)) {
      std::fill_n(s.y[row], units, T(0));
      for (Index gate = 0; gate < gates; ++gate) {
        std::fill_n(s.trace.gates[row] + gate * s.block.d.u, units, T(0));
      }
      std::fill_n(s.trace.kept[row], units, T(0));
      std::fill_n(s.trace.before[row], units, T(0));
    }
  });
}

}  // namespace detail

/// A direction of a layer, ready for its sequences. `packs` unless it is used too rarely.
template <class T>
struct ForwardDirection {
  ForwardDirection(const RecurrentDims& d, const RecurrentCell<T>& cell,
                   const RecurrentWeights<T>& w, bool packs)
      : weight_ih(cell.gates, d.u, d.f, {w.weight_ih, 1, d.f}, packs),
        weight_hh(detail::step_weights(d, cell, w.weight_hh, true, packs)),
        bias(d, cell, w) {}

  StepMatrix<T> weight_ih;
  std::vector<StepMatrix<T>> weight_hh;
  detail::RecurrentBias<T> bias;
};

/// The directions of a layer forward. `kept`: they are used for more than this call.
template <class T>
std::vector<ForwardDirection<T>> forward_directions(const RecurrentDims& d,
                                                    const RecurrentCell<T>& cell,
                                                    std::span<const RecurrentWeights<T>> weights,
                                                    bool kept) {
  std::vector<ForwardDirection<T>> directions;
  for (const auto& w : weights) {
    directions.emplace_back(d, cell, w, kept || !detail::multiplies_in_place(d));
  }
  return directions;
}

/// A layer forward: x (rows, F) -> y (rows, D U).
template <class T>
class RecurrentForward {
 public:
  RecurrentForward(const RecurrentDims& d, const RecurrentCell<T>& cell,
                   std::span<const RecurrentWeights<T>> weights,
                   const std::vector<ForwardDirection<T>>& directions, const T* x, T* y,
                   const RecurrentTrace<T>& trace)
      : d_(d),
        cell_(cell),
        weights_(weights),
        directions_(directions),
        x_(x),
        y_(y),
        trace_(trace) {}

  /// h and c (D, N, U) come as the initial states and leave as those after the last step of each
  /// sequence and direction.
  void run(T* h, T* c) {
    const auto& direction = directions_.front();
    const bool shareable =
        direction.weight_ih.shareable() && detail::all_shareable(direction.weight_hh);
    const auto schedule = detail::RecurrentSchedule::of<T>(d_, cell_.gates, d_.n, shareable,
                                                           !direction.weight_ih.packed());
    steps_ = schedule.template input_steps<T>(d_, cell_.gates);
    gathers_ = steps_ > 1 || !d_.evenly_spaced();
    const auto room_size = [&](Index members) {
      return schedule.rows() * (steps_ * (width_ + (gathers_ ? members * d_.f : 0)) + 3 * d_.u);
    };
    schedule.template run<T>(d_, Index(0), d_.n, room_size,
                             [&](Index k, Index n0, Index count, const UnitShare& share, T* room) {
                               take_steps({k, n0, count}, share, room, h, c);
                             });
  }

 private:
  /// Sequences of a direction.
  struct Block {
    Index k, n0, count;
  };

  void take_steps(const Block& b, const UnitShare& share, T* room, T* h, T* c) {
    const auto& direction = directions_[static_cast<std::size_t>(b.k)];
    const Index state = (b.k * d_.n + b.n0) * d_.u + share.first;
    const Rows<T> products{room, width_};
    const Rows<T> apart{products[steps_ * b.count] + share.first, d_.u};
    const Rows<T> unused{apart[b.count], d_.u};
    const Rows<T> unused_too{unused[b.count], d_.u};
    T* const inputs =
        unused_too[b.count] - share.first + share.member.number * steps_ * b.count * d_.f;
    const bool keeps = trace_.gates != nullptr;
    for (Index number = 0; number < d_.t; ++number) {
      if (number % steps_ == 0) {
        multiply_input(b, share, number, products, inputs);
      }
      const Rows<T> product{products[number % steps_ * b.count] + share.first, width_};
      const Index time = step_of(number, d_.sequence(), b.k == 1).time;
      const Index row = d_.row(b.n0, time);
      const auto mine = [&](T* data, Index columns) {
        return part(data, row, b.k, columns).shifted(share.first);
      };
      const StepTrace<T> trace{keeps ? mine(trace_.gates, width_) : product,
                               keeps && cell_.keeps ? mine(trace_.kept, d_.u) : unused,
                               keeps ? mine(trace_.before, d_.u) : unused_too};
      const Peepholes<T>& peepholes = weights_[static_cast<std::size_t>(b.k)].peepholes;
      const ForwardStep<T> step{.block = {d_, b.n0, b.count, time},
                                .share = share,
                                .weights = {direction.weight_hh, peepholes.shifted(share.first),
                                            direction.bias.apart.data() + share.first},
                                .product = product,
                                .apart = apart,
                                .h = {h + state, d_.u},
                                .c = cell_.has_cell_state ? Rows<T>{c + state, d_.u} : Rows<T>{},
                                .y = mine(y_, d_.u),
                                .trace = trace};
      cell_.forward(step);
      if (d_.lengths != nullptr) {
        detail::clear_rows_without_step(step, cell_.gates);
      }
    }
  }

  /// products (steps, count, G U) = x W_ih^T + b, of as many steps as are multiplied at once.
  void multiply_input(const Block& b, const UnitShare& share, Index number, Rows<T> products,
                      T* inputs) const {
    const auto& direction = directions_[static_cast<std::size_t>(b.k)];
    const GemmOutput<T> output{products.data, products.stride, false, direction.bias.input.data()};
    if (!gathers_) {
      direction.weight_ih.multiply(b.count, share.first, share.count,
                                   {x_of_step(b, number), d_.row_step() * d_.f, 1}, output,
                                   x_of_step(b, number + 1));
      return;
    }
    const Index steps = std::min(steps_, d_.t - number);
    T* to = inputs;
    for (Index step = number; step < number + steps; ++step) {
      const T* const from = x_of_step(b, step);
      StepBlock{d_, b.n0, b.count, step}.for_all_rows(
          [&](const BlockRow& row) { to = std::copy_n(from + row.place * d_.f, d_.f, to); });
    }
    direction.weight_ih.multiply(steps * b.count, share.first, share.count, {inputs, d_.f, 1},
                                 output);
  }

  /// The first row of x of a step, null after the last one.
  const T* x_of_step(const Block& b, Index number) const {
    if (number == d_.t) {
      return nullptr;
    }
    return x_ + d_.row(b.n0, step_of(number, d_.sequence(), b.k == 1).time) * d_.f;
  }

  /// The columns of direction k in rows of D `columns` each, sequence by sequence.
  Rows<T> part(T* data, Index row, Index k, Index columns) const {
    const Index all = d_.directions * columns;
    return {data + row * all + k * columns, all, true};
  }

  const RecurrentDims& d_;
  const RecurrentCell<T>& cell_;
  std::span<const RecurrentWeights<T>> weights_;
  const std::vector<ForwardDirection<T>>& directions_;
  const T* x_;
  T* y_;
  RecurrentTrace<T> trace_;
  Index width_ = cell_.gates * d_.u;
  Index steps_ = 1;      // whose input is multiplied at once
  bool gathers_ = true;  // their rows, as they are not evenly spaced
};

CNNRNN_KERNELS_END
