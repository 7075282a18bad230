#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/recurrent/weight_gradients.hpp"

// The way back of recurrent layers. Sequences are taken in chunks whose gradients stay in the last
// cache: through all their steps, then into one matrix product for dx and each weight.
//
//   N sequences, T steps, F features, U units, D directions, G gates

CNNRNN_KERNELS_BEGIN

template <class T>
class RecurrentBackward {
 public:
  /// x (rows, F), dy (rows, D U) or null.
  RecurrentBackward(const RecurrentDims& d, const RecurrentCell<T>& cell,
                    std::span<const RecurrentWeights<T>> weights,
                    const RecurrentTrace<const T>& trace, const T* x, const T* dy)
      : d_(d),
        cell_(cell),
        weights_(weights),
        trace_(trace),
        dy_(dy),
        peepholes_(std::any_of(weights.begin(), weights.end(),
                               [](const auto& w) { return w.peepholes.any(); })),
        chunk_(chunk()),
        dgates_({chunk_ * d.t, d.directions * width_ + padding}),
        dapart_({cell.has_apart() ? chunk_ * d.t : 0, d.directions * d.u}),
        weight_sums_(d, cell, trace, x, peepholes_) {
    for (const auto& w : weights) {
      weight_hh_.push_back(
          detail::step_weights(d, cell, w.weight_hh, false, !detail::multiplies_in_place(d)));
    }
    for (Index row = 0; row < dgates_.dim(0); ++row) {
      std::fill_n(dgates_.mutable_data() + (row + 1) * dgates_.dim(1) - padding, padding, T(0));
    }
  }

  /// dh and dc (D, N, U) come as the gradients of the last states and leave as those of the initial
  /// ones.
  void run(T* dh, T* dc, GradientSpan<T> dx,
           std::span<const RecurrentWeightGradients<T>> gradients) {
    const bool in_place = detail::multiplies_in_place(d_);
    const bool shareable = !peepholes_ && detail::all_shareable(weight_hh_.front());
    const Index chunks = chunk_ == 0 ? 1 : (d_.n + chunk_ - 1) / chunk_;  // of nothing: zeros
    for (Index number = 0; number < chunks; ++number) {
      const Index begin = number * chunk_;
      const Index end = std::min(d_.n, begin + chunk_);
      const auto schedule =
          peepholes_
              ? detail::RecurrentSchedule::of_blocks(weight_sums_.peephole_rows)
              : detail::RecurrentSchedule::of<T>(d_, cell_.gates, end - begin, shareable, in_place);
      const auto room_size = [&](Index) { return (schedule.rows() + 1) * (width_ + d_.u); };
      schedule.template run<T>(
          d_, begin, end, room_size,
          [&](Index k, Index n0, Index count, const UnitShare& share, T* room) {
            take_steps_back(k, begin, n0, count, share, room, dh, dc);
          });
      add_dx(begin, end, dx);
      weight_sums_.add(begin, end, dgates_, dapart_, gradients);
    }
    weight_sums_.store(gradients);
  }

 private:
  /// How many sequences: so many that the rows of x, dx and dgates fill some MB, but enough to read
  /// the weights seldom. The shapes alone decide: sums of a product may be grouped by its size.
  Index chunk() const {
    constexpr Index bytes = 8 << 20;
    constexpr Index block = 4 * detail::RecurrentWeightSums<T>::peephole_rows;
    const Index row = (2 * d_.f + d_.directions * width_) * static_cast<Index>(sizeof(T));
    const Index most = std::max<Index>(1, bytes / (block * d_.t * row)) * block;
    return std::min(d_.n, round_up(most, d_.group));
  }

  /// dx = dgates [W_ih; W_ih reverse]: one sum over the gates of all directions.
  void add_dx(Index begin, Index end, GradientSpan<T> dx) {
    if (!dx.needed()) {
      return;
    }
    const Index rows = (end - begin) * d_.t;
    const MatrixView<T> dgates{dgates_.data(), dgates_.dim(1), 1};
    const GemmOutput<T> output{dx.data() + begin * d_.t * d_.f, d_.f, dx.accumulate};
    if (d_.directions == 1 && chunk_ == d_.n) {
      gemm<T>(rows, d_.f, width_, dgates, {weights_.front().weight_ih, d_.f, 1}, output);
      return;
    }
    if (!weight_ih_) {
      weight_ih_.emplace(pack_weight_ih());
    }
    gemm<T>(rows, dgates, *weight_ih_, output);
  }

  /// [W_ih; W_ih reverse] (D G U, F)
  PackedB<T> pack_weight_ih() const {
    Tensor<T> together({d_.directions * width_, d_.f});
    T* to = together.mutable_data();
    for (const auto& w : weights_) {
      to = std::copy_n(w.weight_ih, width_ * d_.f, to);
    }
    return PackedB<T>(d_.f, together.dim(0), {together.data(), d_.f, 1});
  }

  /// Takes `count` sequences from n0 on, of the chunk that begins at `begin`, through all steps.
  void take_steps_back(Index k, Index begin, Index n0, Index count, const UnitShare& share, T* room,
                       T* dh, T* dc) {
    const Index state = (k * d_.n + n0) * d_.u + share.first;
    const auto direction = static_cast<std::size_t>(k);
    // Rows that lie together: those of dgates_ may be a power of two apart, and a product that read
    // them there would find them in one set of the cache.
    const Rows<T> dgates{room + share.first, width_};
    const Rows<T> dapart{room + count * width_ + share.first, d_.u};
    T* const none = dapart[count];
    std::fill_n(none, share.count, T(0));
    for (Index number = d_.t - 1; number >= 0; --number) {
      const Index time = step_of(number, d_.sequence(), k == 1).time;
      const Index row = d_.row(n0, time);
      const auto mine = [&](const T* data, Index columns) {
        return part(data, row, k, columns).shifted(share.first);
      };
      const StepTrace<const T> trace{mine(trace_.gates, width_),
                                     cell_.keeps ? mine(trace_.kept, d_.u) : Rows<const T>{},
                                     mine(trace_.before, d_.u)};
      const BackwardStep<T> step{.block = {d_, n0, count, time},
                                 .share = share,
                                 .weights = {weight_hh_[direction], weights_[direction].peepholes},
                                 .trace = trace,
                                 .dy = dy_ != nullptr ? mine(dy_, d_.u) : Rows<const T>{none, 0},
                                 .dh = {dh + state, d_.u},
                                 .dc = cell_.has_cell_state ? Rows<T>{dc + state, d_.u} : Rows<T>{},
                                 .dgates = dgates,
                                 .dapart = dapart,
                                 .dpeepholes = weight_sums_.of_block(n0, k)};
      if (d_.lengths != nullptr) {
        clear(count, dgates, width_, share);
        clear(count, dapart, d_.u, share);
      }
      cell_.backward(step);
      const Index row_of_chunk = row - begin * d_.t;
      keep(step.block, dgates, part(dgates_.mutable_data(), row_of_chunk, k, width_, padding),
           width_, share);
      if (cell_.has_apart()) {
        keep(step.block, dapart, part(dapart_.mutable_data(), row_of_chunk, k, d_.u), d_.u, share);
      }
    }
  }

  /// The columns of direction k in rows of D `columns` each, sequence by sequence.
  template <class Element>
  Rows<Element> part(Element* data, Index row, Index k, Index columns, Index gap = 0) const {
    const Index all = d_.directions * columns + gap;
    return {data + row * all + k * columns, all, true};
  }

  /// The share's units of each gate.
  void clear(Index count, Rows<T> rows, Index columns, const UnitShare& share) const {
    for (Index row = 0; row < count; ++row) {
      for (Index gate = 0; gate < columns; gate += d_.u) {
        std::fill_n(rows[row] + gate, share.count, T(0));
      }
    }
  }

  /// to = from, of the share's units of each gate.
  void keep(const StepBlock& block, Rows<T> from, Rows<T> to, Index columns,
            const UnitShare& share) const {
    block.for_all_rows([&](const BlockRow& row) {
      for (Index gate = 0; gate < columns; gate += d_.u) {
        std::copy_n(from[row] + gate, share.count, to[row] + gate + share.first);
      }
    });
  }

  static constexpr Index padding = detail::gates_padding<T>;

  RecurrentDims d_;
  const RecurrentCell<T>& cell_;
  std::span<const RecurrentWeights<T>> weights_;
  RecurrentTrace<const T> trace_;
  const T* dy_;
  Index width_ = cell_.gates * d_.u;
  bool peepholes_;
  Index chunk_;
  Tensor<T> dgates_;  // (rows of a chunk, D G U): of the products of the input
  Tensor<T> dapart_;  // (rows of a chunk, D U): of those that are apart
  detail::RecurrentWeightSums<T> weight_sums_;
  std::vector<std::vector<StepMatrix<T>>> weight_hh_;
  std::optional<PackedB<T>> weight_ih_;
};

CNNRNN_KERNELS_END
