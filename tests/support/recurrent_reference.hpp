#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "cnnrnn/ops/gru.hpp"
#include "cnnrnn/ops/lstm.hpp"
#include "cnnrnn/ops/rnn.hpp"
#include "support/leaves.hpp"
#include "support/random_tensor.hpp"

// lstm, gru and rnn by plain loops over their equations, in double.

enum class RecurrentKind { lstm, peephole_lstm, gru, original_gru, tanh_rnn, relu_rnn };

inline const std::vector<RecurrentKind> recurrent_kinds{
    RecurrentKind::lstm,         RecurrentKind::peephole_lstm, RecurrentKind::gru,
    RecurrentKind::original_gru, RecurrentKind::tanh_rnn,      RecurrentKind::relu_rnn};

inline const char* recurrent_name(RecurrentKind kind) {
  constexpr std::array names{"lstm", "peephole lstm", "gru", "original gru", "rnn", "relu rnn"};
  return names[static_cast<std::size_t>(kind)];
}

inline bool is_lstm(RecurrentKind kind) {
  return kind == RecurrentKind::lstm || kind == RecurrentKind::peephole_lstm;
}
inline bool is_gru(RecurrentKind kind) {
  return kind == RecurrentKind::gru || kind == RecurrentKind::original_gru;
}
inline cnnrnn::Index gates_of(RecurrentKind kind) {
  return is_lstm(kind) ? 4 : is_gru(kind) ? 3 : 1;
}

/// How many inputs are states, and how many weights a direction has.
inline std::size_t states_of(RecurrentKind kind) { return is_lstm(kind) ? 2 : 1; }
inline std::size_t weights_of(RecurrentKind kind) {
  return kind == RecurrentKind::peephole_lstm ? 7 : 4;
}

/// N sequences of T steps, F features, U units.
struct RecurrentSizes {
  using Index = cnnrnn::Index;

  Index n, t, f, u, directions;
  std::vector<Index> lengths = {};

  Index length(Index sequence) const {
    return lengths.empty() ? t : lengths[static_cast<std::size_t>(sequence)];
  }

  /// The time of a step of a direction: the second begins at the end.
  Index time(Index direction, Index sequence, Index step) const {
    return direction == 1 ? length(sequence) - 1 - step : step;
  }
};

/// x, h0, c0 of an LSTM, then the weights of the directions.
inline Tensors<double> recurrent_inputs(RecurrentKind kind, const RecurrentSizes& k) {
  std::vector<cnnrnn::Shape> shapes{{k.n, k.t, k.f}};
  shapes.resize(1 + states_of(kind), {k.directions, k.n, k.u});
  const cnnrnn::Index rows = gates_of(kind) * k.u;
  for (cnnrnn::Index direction = 0; direction < k.directions; ++direction) {
    shapes.insert(shapes.end(), {{rows, k.f}, {rows, k.u}, {rows}, {rows}});
    shapes.resize(shapes.size() + weights_of(kind) - 4, cnnrnn::Shape{k.u});
  }
  Tensors<double> inputs;
  for (const auto& shape : shapes) {
    inputs.push_back(random_tensor<double>(shape, inputs.size() + 1));
  }
  return inputs;
}

/// The weights among the inputs.
template <class T>
std::vector<cnnrnn::RecurrentWeights<T>> recurrent_weights(
    RecurrentKind kind, const std::vector<cnnrnn::Variable<T>>& v) {
  std::vector<cnnrnn::RecurrentWeights<T>> weights;
  for (std::size_t i = 1 + states_of(kind); i < v.size(); i += weights_of(kind)) {
    auto& w = weights.emplace_back(v[i], v[i + 1], v[i + 2], v[i + 3]);
    if (kind == RecurrentKind::peephole_lstm) {
      w.weight_ci = v[i + 4];
      w.weight_cf = v[i + 5];
      w.weight_co = v[i + 6];
    }
  }
  return weights;
}

/// One layer as a function of the inputs: y, h, and c of an LSTM.
template <class T>
std::vector<cnnrnn::Variable<T>> run_recurrent(RecurrentKind kind,
                                               const std::vector<cnnrnn::Variable<T>>& v,
                                               const cnnrnn::RecurrentOptions& options = {}) {
  using namespace cnnrnn;
  const std::vector<std::vector<RecurrentWeights<T>>> layers{recurrent_weights(kind, v)};
  if (is_lstm(kind)) {
    const auto output = lstm(v[0], layers, {v[1], v[2]}, options);
    return {output.y, output.h, output.c};
  }
  const auto form = kind == RecurrentKind::gru ? GruForm::linear_before_reset : GruForm::original;
  const auto nonlinearity =
      kind == RecurrentKind::relu_rnn ? RnnNonlinearity::relu : RnnNonlinearity::tanh;
  const auto output = is_gru(kind) ? gru(v[0], layers, v[1], form, options)
                                   : rnn(v[0], layers, v[1], nonlinearity, options);
  return {output.y, output.h};
}

/// What run_recurrent gives, by plain loops.
class RecurrentReference {
  using Index = cnnrnn::Index;
  using Vector = std::vector<double>;

 public:
  RecurrentReference(RecurrentKind kind, const RecurrentSizes& k, const Tensors<double>& inputs)
      : kind_(kind), k_(k), in_(inputs) {}

  Tensors<double> outputs() {
    Tensors<double> results{cnnrnn::Tensor<double>::zeros({k_.n, k_.t, k_.directions * k_.u})};
    for (std::size_t state = 0; state < states_of(kind_); ++state) {
      results.emplace_back(cnnrnn::Shape{k_.directions, k_.n, k_.u});
    }
    for (Index direction = 0; direction < k_.directions; ++direction) {
      for (Index n = 0; n < k_.n; ++n) {
        sequence(direction, n, results);
      }
    }
    return results;
  }

  /// How near an RNN's ReLU comes to its kink.
  double nearest_kink() {
    outputs();
    return nearest_kink_;
  }

 private:
  void sequence(Index direction, Index n, Tensors<double>& results) {
    const auto row = [](const cnnrnn::Tensor<double>& rows, Index at, Index count) {
      return Vector(rows.data() + at * count, rows.data() + (at + 1) * count);
    };
    const Index state = direction * k_.n + n;
    Vector h = row(in_[1], state, k_.u);
    Vector c = is_lstm(kind_) ? row(in_[2], state, k_.u) : Vector();
    weights_ = &in_[1 + states_of(kind_) + weights_of(kind_) * static_cast<std::size_t>(direction)];
    for (Index number = 0; number < k_.length(n); ++number) {
      const Index t = k_.time(direction, n, number);
      step(row(in_[0], n * k_.t + t, k_.f), h, c);
      std::ranges::copy(
          h, results[0].mutable_data() + ((n * k_.t + t) * k_.directions + direction) * k_.u);
    }
    std::ranges::copy(h, results[1].mutable_data() + state * k_.u);
    if (is_lstm(kind_)) {
      std::ranges::copy(c, results[2].mutable_data() + state * k_.u);
    }
  }

  /// Of one gate, W x + b; `which` is 0 for the weights of the input, 1 for those of the state.
  Vector affine(std::size_t which, Index gate, const Vector& x) const {
    const auto& weight = weights_[which];
    const auto& bias = weights_[2 + which];
    Vector sums;
    for (Index row = gate * k_.u; row < (gate + 1) * k_.u; ++row) {
      sums.push_back(bias(row));
      for (std::size_t i = 0; i < x.size(); ++i) {
        sums.back() += weight(row, i) * x[i];
      }
    }
    return sums;
  }

  static double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

  /// Replaces h and c.
  void step(const Vector& x, Vector& h, Vector& c) {
    if (is_lstm(kind_)) {
      lstm_step(x, h, c);
    } else if (is_gru(kind_)) {
      gru_step(x, h);
    } else {
      rnn_step(x, h);
    }
  }

  void lstm_step(const Vector& x, Vector& h, Vector& c) const {
    const auto peephole = [&](std::size_t which, std::size_t unit) {
      return kind_ == RecurrentKind::peephole_lstm ? weights_[4 + which](unit) : 0.0;
    };
    std::vector<Vector> sums;
    for (const Index gate : {0, 1, 2, 3}) {
      sums.push_back(affine(0, gate, x));
      const Vector of_state = affine(1, gate, h);
      std::ranges::transform(sums.back(), of_state, sums.back().begin(), std::plus());
    }
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double before = c[k];
      c[k] = sigmoid(sums[1][k] + peephole(1, k) * before) * before +
             sigmoid(sums[0][k] + peephole(0, k) * before) * std::tanh(sums[2][k]);
      h[k] = sigmoid(sums[3][k] + peephole(2, k) * c[k]) * std::tanh(c[k]);
    }
  }

  void gru_step(const Vector& x, Vector& h) const {
    const Vector rx = affine(0, 0, x), zx = affine(0, 1, x), nx = affine(0, 2, x);
    const Vector rh = affine(1, 0, h), zh = affine(1, 1, h), nh = affine(1, 2, h);
    Vector reset = h;
    for (std::size_t k = 0; k < h.size(); ++k) {
      reset[k] *= sigmoid(rx[k] + rh[k]);
    }
    const Vector original = affine(1, 2, reset);
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double z = sigmoid(zx[k] + zh[k]);
      const double from_state =
          kind_ == RecurrentKind::gru ? sigmoid(rx[k] + rh[k]) * nh[k] : original[k];
      h[k] = (1 - z) * std::tanh(nx[k] + from_state) + z * h[k];
    }
  }

  void rnn_step(const Vector& x, Vector& h) {
    const Vector ih = affine(0, 0, x), hh = affine(1, 0, h);
    for (std::size_t k = 0; k < h.size(); ++k) {
      const double sum = ih[k] + hh[k];
      nearest_kink_ = std::min(nearest_kink_, std::abs(sum));
      h[k] = kind_ == RecurrentKind::relu_rnn ? std::max(sum, 0.0) : std::tanh(sum);
    }
  }

  RecurrentKind kind_;
  const RecurrentSizes& k_;
  const Tensors<double>& in_;
  const cnnrnn::Tensor<double>* weights_ = nullptr;  // of the direction
  double nearest_kink_ = 1;
};
