#pragma once

#include <algorithm>
#include <cstddef>
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
        chunk_(chunk()),
        dgates_({chunk_ * d.t, d.directions * width_ + padding}),
        dapart_({cell.has_apart() ? chunk_ * d.t : 0, d.directions * d.u}),
        weight_sums_(d, cell, trace, x) {
    for (const auto& w : weights) {
      weight_hh_.push_back(detail::pack_weight_hh(d, cell, w.weight_hh, false));
    }
  }

  /// dh and dc (D, N, U) come as the gradients of the last states and leave as those of the initial
  /// ones.
  void run(T* dh, T* dc, GradientSpan<T> dx,
           std::span<const RecurrentWeightGradients<T>> gradients) {
    const PackedB<T> weight_ih = pack_weight_ih();
    for (Index begin = 0; begin < d_.n; begin += chunk_) {
      const Index end = std::min(d_.n, begin + chunk_);
      const Index rows = (end - begin) * d_.t;
      const auto back = [&](Index k, Index n0, Index count) {
        take_steps_back(k, begin, n0, count, dh, dc);
      };
      detail::for_each_recurrent_block(d_.directions, begin, end, back);
      if (dx.needed()) {
        gemm<T>(rows, {dgates_.data(), dgates_.dim(1), 1}, weight_ih,
                {dx.data() + begin * d_.t * d_.f, d_.f, dx.accumulate});
      }
      weight_sums_.add(begin, end, dgates_, dapart_, gradients);
    }
    weight_sums_.store(gradients);
  }

 private:
  /// How many sequences: whole blocks, so many that the rows of x, dx and dgates fill some MB. The
  /// shapes alone decide: sums of a product may be grouped by its size.
  Index chunk() const {
    constexpr Index bytes = 8 << 20;
    const Index row = (2 * d_.f + d_.directions * width_) * static_cast<Index>(sizeof(T));
    const Index block = detail::recurrent_rows * d_.t * row;
    const Index most = std::max<Index>(1, bytes / block) * detail::recurrent_rows;
    return d_.batch_first ? std::min(d_.n, most) : d_.n;
  }

  /// [W_ih; W_ih reverse] (D G U, F): dx is one sum over the gates of all directions.
  PackedB<T> pack_weight_ih() const {
    Tensor<T> together({d_.directions * width_, d_.f});
    T* to = together.mutable_data();
    for (const auto& w : weights_) {
      to = std::copy_n(w.weight_ih, width_ * d_.f, to);
    }
    return PackedB<T>(d_.f, together.dim(0), {together.data(), d_.f, 1});
  }

  /// Takes `count` sequences from n0 on, of the chunk that begins at `begin`, through all steps.
  void take_steps_back(Index k, Index begin, Index n0, Index count, T* dh, T* dc) {
    const Index state = (k * d_.n + n0) * d_.u;
    const auto direction = static_cast<std::size_t>(k);
    // Rows that lie together: those of dgates_ may be a power of two apart, and a product that read
    // them there would find them in one set of the cache.
    auto room = Tensor<T>::zeros({count + 1, width_ + d_.u});
    const Rows<T> dgates{room.mutable_data(), width_};
    const Rows<T> dapart{room.mutable_data() + count * width_, d_.u};
    const T* const none = room.data() + count * (width_ + d_.u);
    T* const sums = weight_sums_.of_block(n0, k);
    for (Index number = d_.t - 1; number >= 0; --number) {
      const Index time = step_of(number, d_.sequence(), k == 1).time;
      const Index row = d_.row(n0, time);
      const StepTrace<const T> trace{
          part(trace_.gates, row, k, width_),
          cell_.keeps ? part(trace_.kept, row, k, d_.u) : Rows<const T>{},
          part(trace_.before, row, k, d_.u)};
      const BackwardStep<T> step{
          .block = {d_, n0, count, time},
          .weights = {weight_hh_[direction], weights_[direction].peepholes},
          .trace = trace,
          .dy = dy_ != nullptr ? part(dy_, row, k, d_.u) : Rows<const T>{none, 0},
          .dh = {dh + state, d_.u},
          .dc = cell_.has_cell_state ? Rows<T>{dc + state, d_.u} : Rows<T>{},
          .dgates = dgates,
          .dapart = dapart,
          .dpeepholes = sums + width_ + d_.u};
      if (d_.lengths != nullptr) {
        std::fill_n(room.mutable_data(), room.size(), T(0));
      }
      cell_.backward(step);
      const Index row_of_chunk = row - begin * d_.t;
      keep(count, dgates, part(dgates_.mutable_data(), row_of_chunk, k, width_, padding), width_,
           sums);
      if (cell_.has_apart()) {
        keep(count, dapart, part(dapart_.mutable_data(), row_of_chunk, k, d_.u), d_.u,
             sums + width_);
      }
    }
  }

  /// The columns of direction k in rows of D `columns` each, sequence by sequence.
  template <class Element>
  Rows<Element> part(Element* data, Index row, Index k, Index columns, Index gap = 0) const {
    const Index all = d_.directions * columns + gap;
    return {data + row * all + k * columns, d_.row_step() * all};
  }

  /// to = from, and sums += from, row by row.
  static void keep(Index count, Rows<T> from, Rows<T> to, Index columns, T* sums) {
    for (Index row = 0; row < count; ++row) {
      std::copy_n(from[row], columns, to[row]);
    }
    for_each_lanes<T>(columns, [=](auto lanes) {
      auto sum = lanes.load(sums);
      for (Index row = 0; row < count; ++row) {
        sum = sum + lanes.load(from[row]);
      }
      lanes.store(sums, sum);
    });
  }

  // Between the rows of dgates_, so that these are no power of two apart: a product reads columns
  // of them too, which would then lie in one set of the cache.
  static constexpr Index padding = 64 / static_cast<Index>(sizeof(T));

  RecurrentDims d_;
  const RecurrentCell<T>& cell_;
  std::span<const RecurrentWeights<T>> weights_;
  RecurrentTrace<const T> trace_;
  const T* dy_;
  Index width_ = cell_.gates * d_.u;
  Index chunk_;
  Tensor<T> dgates_;  // (rows of a chunk, D G U): of the products of the input
  Tensor<T> dapart_;  // (rows of a chunk, D U): of those that are apart
  detail::RecurrentWeightSums<T> weight_sums_;
  std::vector<std::vector<PackedB<T>>> weight_hh_;
};

CNNRNN_KERNELS_END
