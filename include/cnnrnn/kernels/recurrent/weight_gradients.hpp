#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/recurrent/forward.hpp"
#include "cnnrnn/kernels/reduction/column_sums.hpp"

// The gradients of a recurrent layer's weights: matrix products and column sums over chunks of
// sequences, and peepholes summed over blocks of them.
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

// Between the rows of the gates' gradients, so that these are no power of two apart: a product
// reads columns of them too, which would then lie in one set of the cache.
template <class T>
inline constexpr Index gates_padding = 64 / static_cast<Index>(sizeof(T));

/// The gradients of the weights, to which chunk after chunk of the sequences is added.
template <class T>
class RecurrentWeightSums {
 public:
  using WeightGradients = std::span<const RecurrentWeightGradients<T>>;

  // The peepholes' gradients are summed over blocks of so many sequences, which are added in order.
  static constexpr Index peephole_rows = 24;

  RecurrentWeightSums(const RecurrentDims& d, const RecurrentCell<T>& cell,
                      const RecurrentTrace<const T>& trace, const T* x, bool peepholes)
      : d_(d),
        cell_(cell),
        trace_(trace),
        x_(x),
        peepholes_(Tensor<T>::zeros({peepholes ? blocks() : 0, d.directions, 3 * d.u})) {}

  /// Where the block of sequences that begins at n0 adds the gradients of direction k's peepholes
  /// (3, U); null without peepholes.
  T* of_block(Index n0, Index k) {
    return peepholes_.size() == 0
               ? nullptr
               : peepholes_.mutable_data() + (n0 / peephole_rows * d_.directions + k) * 3 * d_.u;
  }

  /// Adds the sequences begin ... end - 1, from the gradients of their products of the input,
  /// dgates (rows, at least D G U), and of those that are apart, dapart (rows, D U).
  void add(Index begin, Index end, const Tensor<T>& dgates, const Tensor<T>& dapart,
           WeightGradients gradients) {
    const bool first = begin == 0;
    add_weight_ih(begin, end, dgates, gradients);
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      add_weight_hh(begin, end, static_cast<Index>(k), dgates, dapart, gradients[k].weight_hh);
    }
    const Index rows = (end - begin) * d_.t;
    const bool wanted = std::any_of(gradients.begin(), gradients.end(), [](const auto& gradient) {
      return gradient.bias_ih.needed() || gradient.bias_hh.needed();
    });
    if (wanted) {
      column_sums(rows, dgates.dim(1), dgates.data(), {gates_.mutable_span(), !first});
      if (cell_.has_apart()) {
        column_sums(rows, dapart.dim(1), dapart.data(), {apart_.mutable_span(), !first});
      }
    }
  }

  /// Biases and peepholes.
  void store(WeightGradients gradients) const {
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      store_sums(static_cast<Index>(k), gradients[k]);
    }
  }

 private:
  Index blocks() const { return (d_.n + peephole_rows - 1) / peephole_rows; }

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

  /// dW_ih += dgates^T x
  void add_weight_ih(Index begin, Index end, const Tensor<T>& dgates,
                     WeightGradients gradients) const {
    const bool wanted = std::any_of(gradients.begin(), gradients.end(), [](const auto& gradient) {
      return gradient.weight_ih.needed();
    });
    if (!wanted) {
      return;
    }
    const auto steps = d_.lengths != nullptr ? without_padding(begin, end) : Tensor<T>();
    const T* const x = steps.defined() ? steps.data() : x_ + begin * d_.t * d_.f;
    const T* dproduct = dgates.data();
    for (const auto& gradient : gradients) {
      if (const GradientSpan<T>& dweight = gradient.weight_ih; dweight.needed()) {
        gemm<T>(width_, d_.f, (end - begin) * d_.t, {dproduct, 1, dgates.dim(1)}, {x, d_.f, 1},
                {dweight.data(), d_.f, dweight.accumulate || begin > 0});
      }
      dproduct += width_;
    }
  }

  /// dW_hh += dproduct^T states, product by product.
  void add_weight_hh(Index begin, Index end, Index k, const Tensor<T>& dgates,
                     const Tensor<T>& dapart, const GradientSpan<T>& dweight) const {
    if (!dweight.needed()) {
      return;
    }
    const Index states = d_.directions * d_.u;
    for (const StateProduct& product : cell_.products) {
      const Index first = product.first * d_.u;
      const T* const by = (product.with_kept ? trace_.kept : trace_.before) + k * d_.u;
      const MatrixView<T> dproduct =
          product.apart ? MatrixView<T>{dapart.data() + k * d_.u, 1, states}
                        : MatrixView<T>{dgates.data() + k * width_ + first, 1, dgates.dim(1)};
      gemm<T>(product.gates * d_.u, d_.u, (end - begin) * d_.t, dproduct,
              {by + begin * d_.t * states, states, 1},
              {dweight.data() + first * d_.u, d_.u, dweight.accumulate || begin > 0});
    }
  }

  static void put(const GradientSpan<T>& gradient, const T* values) {
    store_gradient(gradient, [values](std::size_t i) { return values[i]; });
  }

  void store_sums(Index k, const RecurrentWeightGradients<T>& gradient) const {
    const T* const gates = gates_.data() + k * width_;
    put(gradient.bias_ih, gates);
    std::vector<T> of_states(gates, gates + width_);
    for (const StateProduct& product : cell_.products) {
      if (product.apart) {
        std::copy_n(apart_.data() + k * d_.u, d_.u,
                    of_states.begin() + static_cast<std::ptrdiff_t>(product.first * d_.u));
      }
    }
    put(gradient.bias_hh, of_states.data());
    if (peepholes_.size() > 0) {
      store_peepholes(k, gradient);
    }
  }

  /// The sums of the blocks, added in order.
  void store_peepholes(Index k, const RecurrentWeightGradients<T>& gradient) const {
    std::vector<T> to(static_cast<std::size_t>(3 * d_.u));
    for (Index block = 0; block < blocks(); ++block) {
      const T* from = peepholes_.data() + (block * d_.directions + k) * 3 * d_.u;
      for (T& sum : to) {
        sum += *from++;
      }
    }
    for (std::size_t gate = 0; gate < 3; ++gate) {
      put(gradient.peepholes[gate], to.data() + static_cast<Index>(gate) * d_.u);
    }
  }

  RecurrentDims d_;
  const RecurrentCell<T>& cell_;
  RecurrentTrace<const T> trace_;
  const T* x_;
  Index width_ = cell_.gates * d_.u;
  Tensor<T> peepholes_;  // (blocks, D, 3, U)
  Tensor<T> gates_ = Tensor<T>::zeros({d_.directions * width_ + gates_padding<T>});  // the biases'
  Tensor<T> apart_ = Tensor<T>::zeros({d_.directions * d_.u});
};

}  // namespace detail

CNNRNN_KERNELS_END
