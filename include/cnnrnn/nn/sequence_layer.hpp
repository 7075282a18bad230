#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "cnnrnn/nn/conv_lstm.hpp"
#include "cnnrnn/nn/gru.hpp"
#include "cnnrnn/nn/lstm.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/nn/rnn.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// The cells of recurrent networks. `irnn` is `relu_rnn` started by init_irnn.
enum class Cell { lstm, gru, rnn, relu_rnn, irnn, conv_lstm };

namespace detail {

inline constexpr std::array<std::string_view, 6> cell_names{"lstm",     "gru",  "rnn",
                                                            "relu_rnn", "irnn", "conv_lstm"};

}  // namespace detail

/// The cell called as its enumerator. Throws ValueError for another name.
inline Cell cell_named(std::string_view name) {
  for (std::size_t k = 0; k < detail::cell_names.size(); ++k) {
    if (detail::cell_names[k] == name) {
      return static_cast<Cell>(k);
    }
  }
  throw ValueError(
      to_message("cell_named: expected lstm, gru, rnn, relu_rnn, irnn or conv_lstm, got ", name));
}

/// The name of a cell, as cell_named takes it.
inline std::string_view name_of(Cell cell) {
  return detail::cell_names[static_cast<std::size_t>(cell)];
}

/// Options of SequenceLayer.
struct SequenceOptions {
  Cell cell = Cell::lstm;      ///< the kind of network
  Index layers = 1;            ///< one on top of the other
  bool bidirectional = false;  ///< also from the last step to the first
  bool bias = true;            ///< learn a bias
  double dropout = 0;          ///< between layers, in training
  /// Of an LSTM: none or current, of a ConvLSTM any; not given: none of the one, current of the
  /// other.
  std::optional<ConvLstmPeepholes> peepholes = {};
  Size2d map{1};  ///< of a ConvLSTM
};

/// A recurrent network whose cell is chosen at run time, as a layer that gives the states of all
/// steps: x (N, T, features) -> y (N, T, D units); with a ConvLSTM of 3x3 kernels x (N, T, H, W,
/// features) -> y (N, T, H, W, D units). Its parameters are those of Lstm, Gru, Rnn or ConvLstm.
/// Throws ValueError for options out of range and for peepholes that the cell does not have.
template <class T>
class SequenceLayer : public Layer<T> {
 public:
  /// A network of `features` inputs and `units` units, with initial weights drawn from `random`.
  SequenceLayer(Index features, Index units, const SequenceOptions& options, Random& random)
      : network_(make(features, units, options, random)) {}

  Variable<T> operator()(const Variable<T>& x) override { return read(x).y; }

  /// The states of all steps, y, and those after the last one: h (layers D, N, units), of a
  /// ConvLSTM (layers D, N, H, W, units).
  RecurrentOutput<T> read(const Variable<T>& x) {
    return std::visit(
        [&](auto& network) {
          auto output = network(x);
          return RecurrentOutput<T>{std::move(output.y), std::move(output.h)};
        },
        network_);
  }

  /// The same of the rows, or the columns, of maps x (N, H, W, features), read where they lie: y
  /// (N, H, W, D units), h (layers D, N H, units) of rows, (layers D, N W, units) of columns.
  /// Throws ValueError for a ConvLSTM.
  RecurrentOutput<T> read(const Variable<T>& x, Lines lines) {
    return std::visit(
        [&](auto& network) -> RecurrentOutput<T> {
          if constexpr (requires { network.read(x, lines); }) {
            auto output = network.read(x, lines);
            return {std::move(output.y), std::move(output.h)};
          } else {
            throw ValueError("SequenceLayer: expected a cell that reads pixels, got " +
                             network.describe());
          }
        },
        network_);
  }

  void visit(Visitor<T>& visitor) override {
    std::visit([&](auto& network) { network.visit(visitor); }, network_);
  }

  std::string describe() const override {
    return std::visit([](const auto& network) { return network.describe(); }, network_);
  }

 private:
  using Network = std::variant<Lstm<T>, Gru<T>, Rnn<T>, ConvLstm<T>>;

  static Network make(Index features, Index units, const SequenceOptions& o, Random& random) {
    check_peepholes(o);
    switch (o.cell) {
      case Cell::lstm:
        return Lstm<T>(features, units,
                       {.layers = o.layers,
                        .bidirectional = o.bidirectional,
                        .bias = o.bias,
                        .dropout = o.dropout,
                        .peepholes = o.peepholes == ConvLstmPeepholes::current},
                       random);
      case Cell::gru:
        return Gru<T>(features, units,
                      {.layers = o.layers,
                       .bidirectional = o.bidirectional,
                       .bias = o.bias,
                       .dropout = o.dropout},
                      random);
      case Cell::conv_lstm:
        return ConvLstm<T>(features, units, o.map,
                           {.peepholes = o.peepholes.value_or(ConvLstmPeepholes::current),
                            .layers = o.layers,
                            .bidirectional = o.bidirectional,
                            .bias = o.bias,
                            .dropout = o.dropout},
                           random);
      default:
        return make_rnn(features, units, o, random);
    }
  }

  static Rnn<T> make_rnn(Index features, Index units, const SequenceOptions& o, Random& random) {
    const auto nonlinearity = o.cell == Cell::rnn ? RnnNonlinearity::tanh : RnnNonlinearity::relu;
    Rnn<T> rnn(features, units,
               {.layers = o.layers,
                .bidirectional = o.bidirectional,
                .bias = o.bias,
                .dropout = o.dropout,
                .nonlinearity = nonlinearity},
               random);
    if (o.cell == Cell::irnn) {
      init_irnn(rnn, random);
    }
    return rnn;
  }

  static void check_peepholes(const SequenceOptions& o) {
    const bool any = o.cell == Cell::conv_lstm;
    const bool current = o.cell == Cell::lstm && o.peepholes == ConvLstmPeepholes::current;
    require<ValueError>(
        any || current || o.peepholes.value_or(ConvLstmPeepholes::none) == ConvLstmPeepholes::none,
        "SequenceLayer: expected peepholes that ", name_of(o.cell), " has, got ",
        o.peepholes == ConvLstmPeepholes::previous ? "previous" : "current");
  }

  Network network_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
