#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/recurrent.hpp"
#include "cnnrnn/ops/rnn.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Rnn.
struct RnnOptions {
  Index layers = 1;                                      ///< one on top of the other
  bool bidirectional = false;                            ///< also from the last step to the first
  bool bias = true;                                      ///< learn a bias
  bool batch_first = true;                               ///< x (N, T, F), else (T, N, F)
  double dropout = 0;                                    ///< between layers, in training
  RnnNonlinearity nonlinearity = RnnNonlinearity::tanh;  ///< tanh or ReLU
};

/// A simple recurrent network, x (N, T, features) -> y (N, T, D units), h (layers D, N, units); see
/// rnn. Lengths, weights at the start and what is thrown: as Lstm.
template <class T>
class Rnn : public detail::RecurrentModule<T> {
 public:
  /// A network of `features` inputs and `units` units, with initial weights drawn from `random`.
  Rnn(Index features, Index units, const RnnOptions& options, Random& random)
      : detail::RecurrentModule<T>(
            {"Rnn", 1, features, units, options.layers, options.bidirectional, options.bias,
             options.batch_first, options.dropout},
            random),
        nonlinearity_(options.nonlinearity) {}

  /// The same with default options.
  Rnn(Index features, Index units, Random& random) : Rnn(features, units, RnnOptions{}, random) {}

  /// Reads sequences, from the states h0 (layers D, N, units), zeros if undefined; `lengths` are
  /// the steps of each sequence, all if empty. Throws ShapeError, ValueError.
  RecurrentOutput<T> operator()(const Variable<T>& x, const Variable<T>& h0 = {},
                                std::vector<Index> lengths = {}) {
    return run(x, h0, this->options(std::move(lengths)));
  }

  /// Reads the rows, or the columns, of maps; see Lstm.
  RecurrentOutput<T> read(const Variable<T>& x, Lines lines) {
    return run(x, {}, this->options({}, lines));
  }

  std::string describe() const override {
    return this->describe_with(nonlinearity_ == RnnNonlinearity::relu ? ", relu" : "");
  }

 private:
  RecurrentOutput<T> run(const Variable<T>& x, const Variable<T>& h0,
                         const RecurrentOptions& options) {
    return this->called([&] {
      const auto packed =
          this->packed([](const auto& layers) { return cnnrnn::detail::pack_rnn(layers); });
      return rnn(x, this->layers(), h0, nonlinearity_, options, packed.get());
    });
  }

  RnnNonlinearity nonlinearity_;
};

/// Starts an RNN as an IRNN (Le, Jaitly and Hinton 2015): recurrent weights the identity, input
/// weights normal with deviation 0.01, biases zero. Meant for RnnNonlinearity::relu.
template <class T>
void init_irnn(Rnn<T>& rnn, Random& random) {
  for (auto& [name, parameter] : rnn.named_parameters()) {
    Tensor<T>& weight = parameter.mutable_value();
    if (name.starts_with("weight_hh")) {
      init::identity(weight);
    } else if (name.starts_with("weight_ih")) {
      init::normal(weight, random, 0, 0.01);
    } else {
      init::zeros(weight);
    }
  }
}

}  // namespace nn
CNNRNN_NAMESPACE_END
