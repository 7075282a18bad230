#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/random.hpp"
#include "cnnrnn/kernels/recurrent.hpp"
#include "cnnrnn/ops/sequence_lengths.hpp"

// What lstm, gru and rnn share: one layer of any cell.

CNNRNN_NAMESPACE_BEGIN

/// The weights of one direction of one recurrent layer of G gates: weight_ih (G U, F), weight_hh
/// (G U, U), and biases (G U), which may be undefined. An LSTM may have peepholes (U): the weights
/// by which its gates i and f see the cell state before a step, and o that after it.
template <class T>
struct RecurrentWeights {
  RecurrentWeights() = default;

  /// Weights without peepholes.
  RecurrentWeights(Variable<T> ih, Variable<T> hh, Variable<T> b_ih = {}, Variable<T> b_hh = {})
      : weight_ih(std::move(ih)),
        weight_hh(std::move(hh)),
        bias_ih(std::move(b_ih)),
        bias_hh(std::move(b_hh)) {}

  Variable<T> weight_ih;  ///< (G U, F)
  Variable<T> weight_hh;  ///< (G U, U)
  Variable<T> bias_ih;    ///< (G U) or undefined
  Variable<T> bias_hh;    ///< (G U) or undefined
  Variable<T> weight_ci;  ///< (U) or undefined
  Variable<T> weight_cf;  ///< (U) or undefined
  Variable<T> weight_co;  ///< (U) or undefined

  /// All of them, in the order above.
  std::array<Variable<T>, 7> all() const {
    return {weight_ih, weight_hh, bias_ih, bias_hh, weight_ci, weight_cf, weight_co};
  }
};

/// The weights of recurrent layers, packed for inference: they do not see later changes of the
/// tensors that they were made of.
template <class T>
using PackedRecurrentLayer = std::vector<kernels::ForwardDirection<Accumulator<T>>>;

/// All layers, each with its directions.
template <class T>
using PackedRecurrent = std::vector<PackedRecurrentLayer<T>>;

/// The lines of a feature map that are read as sequences.
enum class Lines { rows, columns };

/// Options of lstm, gru and rnn.
struct RecurrentOptions {
  bool batch_first = true;  ///< x (N, T, F), else (T, N, F); y likewise
  /// x is a map (N, H, W, F) whose rows, or columns, are the sequences; y likewise, and there are
  /// states of N H of them, or of N W.
  std::optional<Lines> lines = {};
  std::vector<Index> lengths = {};  ///< steps of each sequence, 1 to T; empty: all have T
  double dropout = 0;               ///< of the y of every layer but the last
  Random* random = nullptr;         ///< where dropout draws from; needed with it
};

namespace detail {

/// y (N, T, D U), h and c (D, N, U); c is undefined where the cell has none.
template <class T>
struct RecurrentResult {
  Variable<T> y;
  Variable<T> h;
  Variable<T> c;
};

template <class T>
void check_recurrent(const kernels::RecurrentCell<T>& cell, const kernels::RecurrentDims& d,
                     const std::vector<RecurrentWeights<T>>& directions, const Variable<T>& h,
                     const Variable<T>& c) {
  const auto fits = [&](const char* what, const Shape& expected, const Variable<T>& part) {
    require<ShapeError>(!part.defined() || part.shape() == expected, cell.name, ": expected ", what,
                        " of shape ", expected, ", got ", part.shape());
  };
  const Index gates = cell.gates * d.u;
  for (const auto& w : directions) {
    fits("a weight_ih", {gates, d.f}, w.weight_ih);
    fits("a weight_hh", {gates, d.u}, w.weight_hh);
    fits("a bias", {gates}, w.bias_ih);
    fits("a bias", {gates}, w.bias_hh);
    fits("a peephole", {d.u}, w.weight_ci);
    fits("a peephole", {d.u}, w.weight_cf);
    fits("a peephole", {d.u}, w.weight_co);
    require<ShapeError>(w.weight_ih.defined() && w.weight_hh.defined(), cell.name,
                        ": expected a weight_ih and a weight_hh, got an undefined one");
    const bool peeps = w.weight_ci.defined() || w.weight_cf.defined() || w.weight_co.defined();
    require<ShapeError>(cell.has_cell_state || !peeps, cell.name,
                        ": expected no peepholes, got some");
  }
  fits("an initial state", {d.directions, d.n, d.u}, h);
  fits("an initial state", {d.directions, d.n, d.u}, c);
}

/// N, T and where the steps lie, of an input of the rank that the options ask for.
inline kernels::RecurrentDims sequences_of(const Shape& x, const RecurrentOptions& options) {
  if (!options.lines) {
    const Index n = x[options.batch_first ? 0 : 1];
    const Index t = x[options.batch_first ? 1 : 0];
    return {n, t, 0, 0, 0, options.batch_first ? 1 : std::max<Index>(1, n)};
  }
  return *options.lines == Lines::rows
             ? kernels::RecurrentDims{x[0] * x[1], x[2], 0, 0, 0}
             : kernels::RecurrentDims{x[0] * x[2], x[1], 0, 0, 0, std::max<Index>(1, x[2])};
}

template <class T>
kernels::RecurrentDims recurrent_dims(const kernels::RecurrentCell<T>& cell, const Variable<T>& x,
                                      const std::vector<RecurrentWeights<T>>& directions,
                                      const RecurrentOptions& options) {
  require<ShapeError>(directions.size() == 1 || directions.size() == 2, cell.name,
                      ": expected the weights of 1 or 2 directions, got ", directions.size());
  const auto& weight_ih = directions.front().weight_ih;
  const char* const layout = options.lines         ? "(N, H, W, "
                             : options.batch_first ? "(N, T, "
                                                   : "(T, N, ";
  require<ShapeError>(x.rank() == (options.lines ? 4 : 3) && weight_ih.rank() == 2, cell.name,
                      ": expected an input ", layout, "F) and a weight_ih (", cell.gates,
                      "U, F), got ", x.shape(), " and ", weight_ih.shape());
  kernels::RecurrentDims d = sequences_of(x.shape(), options);
  d.f = weight_ih.dim(1);
  d.u = weight_ih.dim(0) / cell.gates;
  d.directions = std::ssize(directions);
  require<ShapeError>(d.t > 0 && x.dim(-1) == d.f, cell.name, ": expected an input ", layout, d.f,
                      ") of at least one step, got ", x.shape());
  require<ShapeError>(d.u > 0, cell.name, ": expected at least one unit, got a weight_ih ",
                      weight_ih.shape());
  check_lengths(cell.name, d.n, d.t, options.lengths);
  return d;
}

/// The backward function of one layer; its inputs are x, h0, c0 and seven weights a direction.
template <class T>
struct RecurrentLayerBackward {
  struct Weights {
    Saved<T> weight_ih, weight_hh, weight_ci, weight_cf, weight_co;
  };

  kernels::RecurrentCell<T> cell;
  kernels::RecurrentDims d;
  std::vector<Index> lengths;
  Saved<T> x;
  Tensor<T> gates, kept, before;
  std::vector<Weights> weights;

  void operator()(Gradients<T>& g) const {
    kernels::RecurrentDims dims = d;
    dims.lengths = lengths.empty() ? nullptr : lengths.data();
    const kernels::RecurrentTrace<const T> trace{gates.data(), kept.data(), before.data()};
    std::vector<kernels::RecurrentWeights<T>> pointers;
    for (const auto& w : weights) {
      pointers.push_back({w.weight_ih->data(),
                          w.weight_hh->data(),
                          nullptr,
                          nullptr,
                          {w.weight_ci->data(), w.weight_cf->data(), w.weight_co->data()}});
    }
    Tensor<T> dh = state_gradient(g.dy(1));
    Tensor<T> dc = cell.has_cell_state ? state_gradient(g.dy(2)) : Tensor<T>();
    std::vector<kernels::RecurrentWeightGradients<T>> gradients;
    for (Index first = 3; first < 3 + 7 * d.directions; first += 7) {
      gradients.push_back({g.dx(first),
                           g.dx(first + 1),
                           g.dx(first + 2),
                           g.dx(first + 3),
                           {g.dx(first + 4), g.dx(first + 5), g.dx(first + 6)}});
    }
    kernels::RecurrentBackward<T> backward(dims, cell, pointers, trace, x->data(), g.dy(0).data());
    backward.run(dh.mutable_data(), dc.mutable_data(), g.dx(0), gradients);
    g.give(1, dh);
    g.give(2, dc);
  }

 private:
  Tensor<T> state_gradient(const Tensor<T>& given) const {
    return given.defined() ? given.clone() : Tensor<T>::zeros({d.directions, d.n, d.u});
  }
};

template <class T>
kernels::RecurrentWeights<T> recurrent_pointers(const RecurrentWeights<T>& w) {
  const auto data = [](const Variable<T>& weight) { return weight.value().data(); };
  return {data(w.weight_ih),
          data(w.weight_hh),
          data(w.bias_ih),
          data(w.bias_hh),
          {data(w.weight_ci), data(w.weight_cf), data(w.weight_co)}};
}

/// One layer of one or two directions. `packed` are its weights if they were packed before. Saves
/// x, the weights, the gates and states of all steps.
template <class T>
RecurrentResult<T> recurrent_layer(const kernels::RecurrentCell<T>& cell, const Variable<T>& x,
                                   const std::vector<RecurrentWeights<T>>& directions,
                                   const Variable<T>& h0, const Variable<T>& c0,
                                   const RecurrentOptions& options,
                                   const PackedRecurrentLayer<T>* packed = nullptr) {
  kernels::RecurrentDims d = recurrent_dims(cell, x, directions, options);
  check_recurrent(cell, d, directions, h0, c0);
  d.lengths = options.lengths.empty() ? nullptr : options.lengths.data();

  std::vector<Variable<T>> inputs{x, h0, c0};
  std::vector<kernels::RecurrentWeights<T>> pointers;
  std::vector<typename RecurrentLayerBackward<T>::Weights> saved;
  const auto save = [](const Variable<T>& weight) { return Saved<T>(weight.value()); };
  for (const auto& w : directions) {
    const auto all = w.all();
    inputs.insert(inputs.end(), all.begin(), all.end());
    pointers.push_back(recurrent_pointers(w));
    saved.push_back({save(w.weight_ih), save(w.weight_hh), save(w.weight_ci), save(w.weight_cf),
                     save(w.weight_co)});
  }

  const Shape states{d.directions, d.n, d.u};
  const auto start = [&](const Variable<T>& state) {
    return state.defined() ? state.value().clone() : Tensor<T>::zeros(states);
  };
  Tensor<T> y(x.shape().with(-1, d.directions * d.u));
  Tensor<T> h = start(h0);
  Tensor<T> c = cell.has_cell_state ? start(c0) : Tensor<T>();
  const bool keeps = grad_enabled() && std::any_of(inputs.begin(), inputs.end(),
                                                   [](const auto& v) { return v.requires_grad(); });
  const auto rows = [&](Index columns) {
    return keeps && columns > 0 ? Tensor<T>({d.rows(), d.directions * columns}) : Tensor<T>();
  };
  Tensor<T> gates = rows(cell.gates * d.u);
  Tensor<T> kept = rows(cell.keeps ? d.u : 0);
  Tensor<T> before = rows(d.u);
  const auto made = packed != nullptr ? PackedRecurrentLayer<T>()
                                      : kernels::forward_directions<T>(d, cell, pointers, false);
  kernels::RecurrentForward<T> forward(
      d, cell, pointers, packed != nullptr ? *packed : made, x.value().data(), y.mutable_data(),
      {gates.mutable_data(), kept.mutable_data(), before.mutable_data()});
  forward.run(h.mutable_data(), c.mutable_data());
  d.lengths = nullptr;  // the caller's, who may be gone when backward runs
  std::vector<Tensor<T>> outputs{y, h};
  if (cell.has_cell_state) {
    outputs.push_back(c);
  }
  const auto results =
      record<T>(cell.name, inputs, outputs,
                RecurrentLayerBackward<T>{cell, d, options.lengths, Saved<T>(x.value()), gates,
                                          kept, before, std::move(saved)});
  return {results[0], results[1], cell.has_cell_state ? results[2] : Variable<T>()};
}

}  // namespace detail

CNNRNN_NAMESPACE_END
