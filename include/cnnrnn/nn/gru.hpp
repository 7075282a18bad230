#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/recurrent.hpp"
#include "cnnrnn/ops/gru.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of Gru.
struct GruOptions {
  Index layers = 1;                 ///< one on top of the other
  bool bidirectional = false;       ///< also from the last step to the first
  bool bias = true;                 ///< learn a bias
  bool batch_first = true;          ///< x (N, T, F), else (T, N, F)
  double dropout = 0;               ///< between layers, in training
  bool linear_before_reset = true;  ///< PyTorch's form, else the original one; see GruForm
};

/// Gated recurrent unit, x (N, T, features) -> y (N, T, D units), h (layers D, N, units); see gru.
/// Lengths, weights at the start and what is thrown: as Lstm.
template <class T>
class Gru : public detail::RecurrentModule<T> {
 public:
  /// A network of `features` inputs and `units` units, with initial weights drawn from `random`.
  Gru(Index features, Index units, const GruOptions& options, Random& random)
      : detail::RecurrentModule<T>(
            {"Gru", 3, features, units, options.layers, options.bidirectional, options.bias,
             options.batch_first, options.dropout},
            random),
        form_(options.linear_before_reset ? GruForm::linear_before_reset : GruForm::original) {}

  /// The same with default options.
  Gru(Index features, Index units, Random& random) : Gru(features, units, GruOptions{}, random) {}

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
    return this->describe_with(form_ == GruForm::original ? ", original" : "");
  }

 private:
  RecurrentOutput<T> run(const Variable<T>& x, const Variable<T>& h0,
                         const RecurrentOptions& options) {
    return this->called([&] {
      const auto packed = this->packed(
          [this](const auto& layers) { return cnnrnn::detail::pack_gru(layers, form_); });
      return gru(x, this->layers(), h0, form_, options, packed.get());
    });
  }

  GruForm form_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
