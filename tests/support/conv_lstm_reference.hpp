#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cnnrnn/ops/conv_lstm.hpp"
#include "support/leaves.hpp"
#include "support/random_tensor.hpp"

// conv_lstm_layer by its definition, in double.

/// N sequences of T maps (H, W, C), U filters.
struct ConvLstmSizes {
  cnnrnn::Index n, t, h, w, c, u, directions;
  cnnrnn::Size2d kernel{3};
  cnnrnn::ConvLstmPeepholes peepholes = cnnrnn::ConvLstmPeepholes::current;
  std::vector<cnnrnn::Index> lengths{};
  cnnrnn::ConvAlgorithm algorithm = cnnrnn::ConvAlgorithm::automatic;

  cnnrnn::ConvLstmLayerOptions options() const { return {peepholes, lengths, algorithm}; }
  cnnrnn::Shape states() const { return {directions, n, h, w, u}; }
};

/// x, h0, c0, then the weights of the directions.
inline Tensors<double> conv_lstm_inputs(const ConvLstmSizes& k) {
  Tensors<double> inputs{random_tensor<double>({k.n, k.t, k.h, k.w, k.c}, 1),
                         random_tensor<double>(k.states(), 2),
                         random_tensor<double>(k.states(), 3)};
  const cnnrnn::Shape map{k.u, k.h, k.w};
  for (cnnrnn::Index direction = 0; direction < k.directions; ++direction) {
    std::uint64_t seed = 4 + static_cast<std::uint64_t>(6 * direction);
    std::vector<cnnrnn::Shape> shapes{
        {4 * k.u, k.c, k.kernel.h, k.kernel.w}, {4 * k.u, k.u, k.kernel.h, k.kernel.w}, {4 * k.u}};
    if (k.peepholes != cnnrnn::ConvLstmPeepholes::none) {
      shapes.insert(shapes.end(), {map, map, map});
    }
    for (const cnnrnn::Shape& shape : shapes) {
      inputs.push_back(random_tensor<double>(shape, seed++));
    }
  }
  // Sums stay of the order of one, away from the flat ends of the gates.
  for (std::size_t i = 3; i < inputs.size(); ++i) {
    for (double& value : inputs[i].mutable_span()) {
      value *= inputs[i].rank() == 4 ? 0.2 : 0.5;
    }
  }
  return inputs;
}

/// The weights among the inputs.
template <class T>
std::vector<cnnrnn::ConvLstmWeights<T>> conv_lstm_weights(
    const ConvLstmSizes& k, const std::vector<cnnrnn::Variable<T>>& v) {
  std::vector<cnnrnn::ConvLstmWeights<T>> directions;
  for (std::size_t at = 3; at < v.size();) {
    auto& w = directions.emplace_back(
        cnnrnn::ConvLstmWeights<T>{v[at], v[at + 1], v[at + 2], {}, {}, {}});
    at += 3;
    if (k.peepholes != cnnrnn::ConvLstmPeepholes::none) {
      w.peephole_i = v[at++];
      w.peephole_f = v[at++];
      w.peephole_o = v[at++];
    }
  }
  return directions;
}

/// One layer as a function of the inputs: y, h and c.
template <class T>
std::vector<cnnrnn::Variable<T>> run_conv_lstm(const ConvLstmSizes& k,
                                               const std::vector<cnnrnn::Variable<T>>& v) {
  const auto output =
      cnnrnn::conv_lstm_layer<T>(v[0], conv_lstm_weights(k, v), {v[1], v[2]}, k.options());
  return {output.y, output.h, output.c};
}

/// One direction of the layer by its definition, for one sequence.
class ConvLstmReference {
  using Index = cnnrnn::Index;
  using Map = cnnrnn::Tensor<double>;  // (H, W, U)

 public:
  ConvLstmReference(const ConvLstmSizes& k, const Tensors<double>& in, Index direction)
      : k_(k), in_(in), direction_(direction), first_(3 + per_direction() * direction) {}

  void run(Index n, cnnrnn::Tensor<double>& y, cnnrnn::Tensor<double>& h_last,
           cnnrnn::Tensor<double>& c_last) const {
    const Index steps = k_.lengths.empty() ? k_.t : k_.lengths[static_cast<std::size_t>(n)];
    auto h = state(in_[1], n);
    auto c = state(in_[2], n);
    for (Index number = 0; number < steps; ++number) {
      const Index t = direction_ == 1 ? steps - 1 - number : number;
      step(n, t, h, c);
      for_each([&](Index p, Index q, Index u) {
        y.mutable_at(n, t, p, q, direction_ * k_.u + u) = h(p, q, u);
      });
    }
    for_each([&](Index p, Index q, Index u) {
      h_last.mutable_at(direction_, n, p, q, u) = h(p, q, u);
      c_last.mutable_at(direction_, n, p, q, u) = c(p, q, u);
    });
  }

 private:
  static double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

  Index per_direction() const { return k_.peepholes == cnnrnn::ConvLstmPeepholes::none ? 3 : 6; }
  const cnnrnn::Tensor<double>& weight(Index number) const {
    return in_[static_cast<std::size_t>(first_ + number)];
  }

  template <class Body>
  void for_each(const Body& body) const {
    for (Index p = 0; p < k_.h; ++p) {
      for (Index q = 0; q < k_.w; ++q) {
        for (Index u = 0; u < k_.u; ++u) {
          body(p, q, u);
        }
      }
    }
  }

  Map state(const cnnrnn::Tensor<double>& initial, Index n) const {
    Map values({k_.h, k_.w, k_.u});
    for_each([&](Index p, Index q, Index u) {
      values.mutable_at(p, q, u) = initial(direction_, n, p, q, u);
    });
    return values;
  }

  double convolve(Index n, Index t, const Map& h, Index p, Index q, Index o) const {
    double sum = weight(2)(o);
    for (Index i = 0; i < k_.kernel.h; ++i) {
      for (Index j = 0; j < k_.kernel.w; ++j) {
        const Index row = p + i - k_.kernel.h / 2;
        const Index column = q + j - k_.kernel.w / 2;
        if (row < 0 || row >= k_.h || column < 0 || column >= k_.w) {
          continue;
        }
        for (Index c = 0; c < k_.c; ++c) {
          sum += weight(0)(o, c, i, j) * in_[0](n, t, row, column, c);
        }
        for (Index u = 0; u < k_.u; ++u) {
          sum += weight(1)(o, u, i, j) * h(row, column, u);
        }
      }
    }
    return sum;
  }

  double peephole(Index number, Index p, Index q, Index u) const {
    return k_.peepholes == cnnrnn::ConvLstmPeepholes::none ? 0 : weight(3 + number)(u, p, q);
  }

  void step(Index n, Index t, Map& h, Map& c) const {
    const auto before = h.clone();
    for_each([&](Index p, Index q, Index u) {
      const auto sum = [&](Index gate) { return convolve(n, t, before, p, q, gate * k_.u + u); };
      const double cell = c(p, q, u);
      const double i = sigmoid(sum(0) + peephole(0, p, q, u) * cell);
      const double f = sigmoid(sum(1) + peephole(1, p, q, u) * cell);
      const double after = f * cell + i * std::tanh(sum(2));
      const double seen = k_.peepholes == cnnrnn::ConvLstmPeepholes::previous ? cell : after;
      const double o = sigmoid(sum(3) + peephole(2, p, q, u) * seen);
      c.mutable_at(p, q, u) = after;
      h.mutable_at(p, q, u) = o * std::tanh(after);
    });
  }

  const ConvLstmSizes& k_;
  const Tensors<double>& in_;
  Index direction_;
  Index first_;
};

/// What run_conv_lstm gives, by plain loops.
inline Tensors<double> conv_lstm_reference(const ConvLstmSizes& k, const Tensors<double>& in) {
  auto y = cnnrnn::Tensor<double>::zeros({k.n, k.t, k.h, k.w, k.directions * k.u});
  cnnrnn::Tensor<double> h(k.states());
  cnnrnn::Tensor<double> c(k.states());
  for (cnnrnn::Index direction = 0; direction < k.directions; ++direction) {
    const ConvLstmReference one(k, in, direction);
    for (cnnrnn::Index n = 0; n < k.n; ++n) {
      one.run(n, y, h, c);
    }
  }
  return {y, h, c};
}
