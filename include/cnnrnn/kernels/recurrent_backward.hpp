#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/elementwise.hpp"
#include "cnnrnn/kernels/recurrent.hpp"

// The way back of recurrent layers. Sequences are taken in chunks whose gradients stay in the last
// cache: through all their steps, then into one matrix product for dx and each weight.
//
//   N sequences, T steps, F features, U units, D directions, G gates

CNNRNN_KERNELS_BEGIN

/// Where to leave the gradients of one direction's weights.
template <class T>
struct RecurrentWeightGradients {
  GradientSpan<T> weight_ih;
  GradientSpan<T> weight_hh;
  GradientSpan<T> bias_ih;
  GradientSpan<T> bias_hh;
  std::array<GradientSpan<T>, 3> peepholes;  // input, forget, output
};

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
        x_(x),
        dy_(dy),
        chunk_(chunk()),
        dgates_({chunk_ * d.t, d.directions * width_ + padding}),
        dapart_({cell.has_apart() ? chunk_ * d.t : 0, d.directions * d.u}),
        sums_(Tensor<T>::zeros({blocks(), d.directions, sums_width_})) {
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
      add_weight_ih(begin, rows, gradients);
      add_weight_hh(begin, rows, gradients);
    }
    store_weights(gradients);
    for (Index k = 0; k < d_.directions; ++k) {
      store_sums(k, gradients[static_cast<std::size_t>(k)]);
    }
  }

 private:
  Index blocks() const { return (d_.n + detail::recurrent_rows - 1) / detail::recurrent_rows; }

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
    // Rows that lie together: those of dgates_ may be a power of two apart, and a product that read
    // them there would find them in one set of the cache.
    auto room = Tensor<T>::zeros({count + 1, width_ + d_.u});
    const Rows<T> dgates{room.mutable_data(), width_};
    const Rows<T> dapart{room.mutable_data() + count * width_, d_.u};
    const T* const none = room.data() + count * (width_ + d_.u);
    T* const sums =
        sums_.mutable_data() + (n0 / detail::recurrent_rows * d_.directions + k) * sums_width_;
    for (Index number = d_.t - 1; number >= 0; --number) {
      const Index time = step_of(number, d_.sequence(), k == 1).time;
      const Index row = d_.row(n0, time);
      const BackwardStep<T> step{d_,
                                 weight_hh_[static_cast<std::size_t>(k)],
                                 weights_[static_cast<std::size_t>(k)].peepholes,
                                 n0,
                                 count,
                                 time,
                                 dy_ != nullptr ? part(dy_, row, k, d_.u) : Rows<const T>{none, 0},
                                 {dh + state, d_.u},
                                 cell_.has_cell_state ? Rows<T>{dc + state, d_.u} : Rows<T>{},
                                 part(trace_.gates, row, k, width_),
                                 cell_.keeps ? part(trace_.kept, row, k, d_.u) : Rows<const T>{},
                                 part(trace_.before, row, k, d_.u),
                                 dgates,
                                 dapart,
                                 sums + width_ + d_.u};
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

  using WeightGradients = std::span<const RecurrentWeightGradients<T>>;

  static bool any_needed(WeightGradients gradients,
                         GradientSpan<T> RecurrentWeightGradients<T>::*weight) {
    return std::any_of(gradients.begin(), gradients.end(),
                       [weight](const auto& gradient) { return (gradient.*weight).needed(); });
  }

  /// The rows of x of the chunk that begins at `begin`, with zeros where a sequence has no step:
  /// its padding may hold NaN, which no zero gradient takes away.
  Tensor<T> without_padding(Index begin, Index rows) const {
    Tensor<T> x({rows, d_.f});
    T* const to = x.mutable_data();
    std::copy_n(x_ + begin * d_.t * d_.f, rows * d_.f, to);
    for (Index n = begin; n < std::min(d_.n, begin + chunk_); ++n) {
      for (Index time = d_.lengths[n]; time < d_.t; ++time) {
        std::fill_n(to + (d_.row(n, time) - begin * d_.t) * d_.f, d_.f, T(0));
      }
    }
    return x;
  }

  /// dW_ih += dgates^T x, of all directions in one product.
  void add_weight_ih(Index begin, Index rows, WeightGradients gradients) {
    if (any_needed(gradients, &RecurrentWeightGradients<T>::weight_ih)) {
      const auto steps = d_.lengths != nullptr ? without_padding(begin, rows) : Tensor<T>();
      const T* const x = steps.defined() ? steps.data() : x_ + begin * d_.t * d_.f;
      gemm<T>(d_.directions * width_, d_.f, rows, {dgates_.data(), 1, dgates_.dim(1)}, {x, d_.f, 1},
              {dweight_ih_.mutable_data(), d_.f, true});
    }
  }

  /// dW_hh += dproduct^T states, product by product.
  void add_weight_hh(Index begin, Index rows, WeightGradients gradients) {
    if (!any_needed(gradients, &RecurrentWeightGradients<T>::weight_hh)) {
      return;
    }
    const Index states = d_.directions * d_.u;
    for (Index k = 0; k < d_.directions; ++k) {
      for (const StateProduct& product : cell_.products) {
        const Index first = k * width_ + product.first * d_.u;
        const T* const by = (product.with_kept ? trace_.kept : trace_.before) + k * d_.u;
        const MatrixView<T> dproduct =
            product.apart ? MatrixView<T>{dapart_.data() + k * d_.u, 1, states}
                          : MatrixView<T>{dgates_.data() + first, 1, dgates_.dim(1)};
        gemm<T>(product.gates * d_.u, d_.u, rows, dproduct, {by + begin * d_.t * states, states, 1},
                {dweight_hh_.mutable_data() + first * d_.u, d_.u, true});
      }
    }
  }

  static void store(const GradientSpan<T>& gradient, const T* values) {
    store_gradient(gradient, [values](std::size_t i) { return values[i]; });
  }

  void store_weights(WeightGradients gradients) const {
    const T* weight_ih = dweight_ih_.data();
    const T* weight_hh = dweight_hh_.data();
    for (const auto& gradient : gradients) {
      store(gradient.weight_ih, std::exchange(weight_ih, weight_ih + width_ * d_.f));
      store(gradient.weight_hh, std::exchange(weight_hh, weight_hh + width_ * d_.u));
    }
  }

  /// The gradients of biases and peepholes: the sums of the blocks, added in order.
  void store_sums(Index k, const RecurrentWeightGradients<T>& gradient) const {
    auto total = Tensor<T>::zeros({sums_width_});
    T* const to = total.mutable_data();
    for (Index block = 0; block < blocks(); ++block) {
      const T* const from = sums_.data() + (block * d_.directions + k) * sums_width_;
      for (Index i = 0; i < sums_width_; ++i) {
        to[i] += from[i];
      }
    }
    store(gradient.bias_ih, to);
    for (const StateProduct& product : cell_.products) {
      if (product.apart) {
        std::copy_n(to + width_, d_.u, to + product.first * d_.u);
      }
    }
    store(gradient.bias_hh, to);
    for (std::size_t gate = 0; gate < 3; ++gate) {
      store(gradient.peepholes[gate], to + width_ + (1 + static_cast<Index>(gate)) * d_.u);
    }
  }

  // Between the rows of dgates_, so that these are no power of two apart: a product reads columns
  // of them too, which would then lie in one set of the cache.
  static constexpr Index padding = 64 / static_cast<Index>(sizeof(T));

  RecurrentDims d_;
  const RecurrentCell<T>& cell_;
  std::span<const RecurrentWeights<T>> weights_;
  RecurrentTrace<const T> trace_;
  const T* x_;
  const T* dy_;
  Index width_ = cell_.gates * d_.u;
  Index sums_width_ = width_ + 4 * d_.u;  // gates, the product that is apart, three peepholes
  Index chunk_;
  Tensor<T> dgates_;  // (rows of a chunk, D G U): of the products of the input
  Tensor<T> dapart_;  // (rows of a chunk, D U): of those that are apart
  Tensor<T> sums_;    // (blocks, D, sums_width_)
  Tensor<T> dweight_ih_ = Tensor<T>::zeros({d_.directions * width_, d_.f});
  Tensor<T> dweight_hh_ = Tensor<T>::zeros({d_.directions * width_, d_.u});
  std::vector<std::vector<PackedB<T>>> weight_hh_;
};

CNNRNN_KERNELS_END
