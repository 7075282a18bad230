#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/recurrent.hpp"
#include "cnnrnn/ops/lstm.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Lstm.
struct LstmOptions {
  Index layers = 1;            ///< one on top of the other
  bool bidirectional = false;  ///< also from the last step to the first
  bool bias = true;            ///< learn a bias
  bool batch_first = true;     ///< x (N, T, F), else (T, N, F)
  double dropout = 0;          ///< between layers, in training
  bool peepholes = false;      ///< gates see the cell state: weight_ci, weight_cf, weight_co
};

/// Long short-term memory, x (N, T, features) -> y (N, T, D units), h and c (layers D, N, units);
/// see lstm. `lengths` are the steps of each sequence where these differ. All weights start uniform
/// in +-1 / sqrt(units), as PyTorch's do, peepholes at zero. Throws ValueError unless features,
/// units and layers are positive and dropout is in [0, 1).
template <class T>
class Lstm : public detail::RecurrentModule<T> {
 public:
  /// A network of `features` inputs and `units` units, with initial weights drawn from `random`.
  Lstm(Index features, Index units, const LstmOptions& options, Random& random)
      : detail::RecurrentModule<T>(
            {"Lstm", 4, features, units, options.layers, options.bidirectional, options.bias,
             options.batch_first, options.dropout, options.peepholes},
            random),
        peepholes_(options.peepholes) {}

  /// The same with default options.
  Lstm(Index features, Index units, Random& random)
      : Lstm(features, units, LstmOptions{}, random) {}

  /// Reads sequences, from states of (layers D, N, units), zeros if undefined; `lengths` are the
  /// steps of each sequence, all if empty. Throws ShapeError, ValueError.
  LstmOutput<T> operator()(const Variable<T>& x, const LstmStates<T>& initial = {},
                           std::vector<Index> lengths = {}) {
    return run(x, initial, this->options(std::move(lengths)));
  }

  /// Reads the rows, or the columns, of maps x (N, H, W, features), where they lie: y (N, H, W, D
  /// units), h and c (layers D, N H, units) of rows, (layers D, N W, units) of columns.
  LstmOutput<T> read(const Variable<T>& x, Lines lines) {
    return run(x, {}, this->options({}, lines));
  }

  std::string describe() const override {
    return this->describe_with(peepholes_ ? ", peepholes" : "");
  }

 private:
  LstmOutput<T> run(const Variable<T>& x, const LstmStates<T>& initial,
                    const RecurrentOptions& options) {
    return this->called([&] {
      const auto packed =
          this->packed([](const auto& layers) { return cnnrnn::detail::pack_lstm(layers); });
      return lstm(x, this->layers(), initial, options, packed.get());
    });
  }

  bool peepholes_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
