#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/recurrent/forward.hpp"

// The gradients of a recurrent layer's weights: matrix products summed over chunks of sequences,
// and biases and peepholes summed over blocks of them.
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

namespace detail {

template <class T>
class RecurrentWeightSums {
 public:
  using WeightGradients = std::span<const RecurrentWeightGradients<T>>;

  RecurrentWeightSums(const RecurrentDims& d, const RecurrentCell<T>& cell,
                      const RecurrentTrace<const T>& trace, const T* x)
      : d_(d), cell_(cell), trace_(trace), x_(x) {}

  /// Where the block of sequences that begins at n0 adds the gradients of direction k: of the
  /// biases (G U), of that of the product that is apart (U), and of the peepholes (3, U).
  T* of_block(Index n0, Index k) {
    return sums_.mutable_data() + (n0 / recurrent_rows * d_.directions + k) * sums_width_;
  }

  /// Adds the sequences begin ... end - 1, from the gradients of their products of the input,
  /// dgates (rows, D G U), and of those that are apart, dapart (rows, D U).
  void add(Index begin, Index end, const Tensor<T>& dgates, const Tensor<T>& dapart,
           WeightGradients gradients) {
    if (any_needed(gradients, &RecurrentWeightGradients<T>::weight_ih)) {
      add_weight_ih(begin, end, dgates);
    }
    if (any_needed(gradients, &RecurrentWeightGradients<T>::weight_hh)) {
      add_weight_hh(begin, end, dgates, dapart);
    }
  }

  void store(WeightGradients gradients) const {
    const T* weight_ih = dweight_ih_.data();
    const T* weight_hh = dweight_hh_.data();
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      put(gradients[k].weight_ih, std::exchange(weight_ih, weight_ih + width_ * d_.f));
      put(gradients[k].weight_hh, std::exchange(weight_hh, weight_hh + width_ * d_.u));
      store_sums(static_cast<Index>(k), gradients[k]);
    }
  }

 private:
  Index blocks() const { return (d_.n + recurrent_rows - 1) / recurrent_rows; }

  static bool any_needed(WeightGradients gradients,
                         GradientSpan<T> RecurrentWeightGradients<T>::*weight) {
    return std::any_of(gradients.begin(), gradients.end(),
                       [weight](const auto& gradient) { return (gradient.*weight).needed(); });
  }

  /// The rows of x of the sequences begin ... end - 1, with zeros where one has no step: its
  /// padding may hold NaN, which no zero gradient takes away.
  Tensor<T> without_padding(Index begin, Index end) const {
    const Index rows = (end - begin) * d_.t;
    Tensor<T> x({rows, d_.f});
    T* const to = x.mutable_data();
    std::copy_n(x_ + begin * d_.t * d_.f, rows * d_.f, to);
    for (Index n = begin; n < end; ++n) {
      for (Index time = d_.lengths[n]; time < d_.t; ++time) {
        std::fill_n(to + (d_.row(n, time) - begin * d_.t) * d_.f, d_.f, T(0));
      }
    }
    return x;
  }

  /// dW_ih += dgates^T x, of all directions in one product.
  void add_weight_ih(Index begin, Index end, const Tensor<T>& dgates) {
    const auto steps = d_.lengths != nullptr ? without_padding(begin, end) : Tensor<T>();
    const T* const x = steps.defined() ? steps.data() : x_ + begin * d_.t * d_.f;
    gemm<T>(d_.directions * width_, d_.f, (end - begin) * d_.t, {dgates.data(), 1, dgates.dim(1)},
            {x, d_.f, 1}, {dweight_ih_.mutable_data(), d_.f, true});
  }

  /// dW_hh += dproduct^T states, product by product.
  void add_weight_hh(Index begin, Index end, const Tensor<T>& dgates, const Tensor<T>& dapart) {
    const Index states = d_.directions * d_.u;
    for (Index k = 0; k < d_.directions; ++k) {
      for (const StateProduct& product : cell_.products) {
        const Index first = k * width_ + product.first * d_.u;
        const T* const by = (product.with_kept ? trace_.kept : trace_.before) + k * d_.u;
        const MatrixView<T> dproduct = product.apart
                                           ? MatrixView<T>{dapart.data() + k * d_.u, 1, states}
                                           : MatrixView<T>{dgates.data() + first, 1, dgates.dim(1)};
        gemm<T>(product.gates * d_.u, d_.u, (end - begin) * d_.t, dproduct,
                {by + begin * d_.t * states, states, 1},
                {dweight_hh_.mutable_data() + first * d_.u, d_.u, true});
      }
    }
  }

  static void put(const GradientSpan<T>& gradient, const T* values) {
    store_gradient(gradient, [values](std::size_t i) { return values[i]; });
  }

  /// The sums of the blocks, added in order.
  void store_sums(Index k, const RecurrentWeightGradients<T>& gradient) const {
    auto total = Tensor<T>::zeros({sums_width_});
    T* const to = total.mutable_data();
    for (Index block = 0; block < blocks(); ++block) {
      const T* const from = sums_.data() + (block * d_.directions + k) * sums_width_;
      for (Index i = 0; i < sums_width_; ++i) {
        to[i] += from[i];
      }
    }
    put(gradient.bias_ih, to);
    for (const StateProduct& product : cell_.products) {
      if (product.apart) {
        std::copy_n(to + width_, d_.u, to + product.first * d_.u);
      }
    }
    put(gradient.bias_hh, to);
    for (std::size_t gate = 0; gate < 3; ++gate) {
      put(gradient.peepholes[gate], to + width_ + (1 + static_cast<Index>(gate)) * d_.u);
    }
  }

  RecurrentDims d_;
  const RecurrentCell<T>& cell_;
  RecurrentTrace<const T> trace_;
  const T* x_;
  Index width_ = cell_.gates * d_.u;
  Index sums_width_ = width_ + 4 * d_.u;
  Tensor<T> sums_ = Tensor<T>::zeros({blocks(), d_.directions, sums_width_});
  Tensor<T> dweight_ih_ = Tensor<T>::zeros({d_.directions * width_, d_.f});
  Tensor<T> dweight_hh_ = Tensor<T>::zeros({d_.directions * width_, d_.u});
};

}  // namespace detail

CNNRNN_KERNELS_END
