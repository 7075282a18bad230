#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/nn/init.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/conv_lstm.hpp"
#include "cnnrnn/ops/dropout.hpp"
#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/slice.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of ConvLstm.
struct ConvLstmOptions {
  Size2d kernel{3};                                          ///< odd: maps keep their size
  ConvLstmPeepholes peepholes = ConvLstmPeepholes::current;  ///< which cell states the gates see
  Index layers = 1;                                          ///< one on top of the other
  bool bidirectional = false;  ///< also from the last step to the first
  bool bias = true;            ///< learn a bias
  bool batch_first = true;     ///< x (N, T, H, W, C), else (T, N, H, W, C), and y likewise
  double dropout = 0;          ///< of the outputs of every layer but the last, in training
  ConvAlgorithm algorithm = ConvAlgorithm::automatic;  ///< automatic: by the shapes
};

/// Convolutional LSTM (Shi et al. 2015) for maps of one size, which its peepholes have too: x (N,
/// T, H, W, channels) -> y (N, T, H, W, D filters), h and c (layers D, N, H, W, filters); see
/// conv_lstm_layer. The parameters are those of a PyTorch ModuleList of one cell for each layer and
/// direction, in the order of the states: `0.ci`, `0.cf`, `0.co`, `0.ih.weight`, `0.ih.bias`,
/// `0.hh.weight`, `1.ci`, ... Convolutions start uniform in +-1 / sqrt(fan in), as PyTorch's do,
/// peepholes at zero. Throws ValueError for options out of range.
template <class T>
class ConvLstm : public Module<T> {
 public:
  /// A network of `filters` filters on maps of `map` pixels and `channels` channels, with initial
  /// weights drawn from `random`.
  ConvLstm(Index channels, Index filters, Size2d map, const ConvLstmOptions& options,
           Random& random)
      : channels_(channels), filters_(filters), map_(map), options_(options) {
    validate();
    for (Index layer = 0; layer < options.layers; ++layer) {
      for (Index direction = 0; direction < directions(); ++direction) {
        cells_.push_back(initial_weights(layer == 0 ? channels : directions() * filters, random));
      }
    }
    if (options.dropout > 0) {
      random_ = Random(random.bits());
    }
  }

  /// The same with default options.
  ConvLstm(Index channels, Index filters, Size2d map, Random& random)
      : ConvLstm(channels, filters, map, ConvLstmOptions{}, random) {}

  /// `lengths` are the steps of each sequence, if not all have T. Throws ShapeError, ValueError.
  ConvLstmOutput<T> operator()(const Variable<T>& x, const ConvLstmStates<T>& initial = {},
                               const std::vector<Index>& lengths = {}) {
    return this->called([&] { return run(x, initial, lengths); });
  }

  void visit(Visitor<T>& visitor) override {
    for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
      auto& weights = cells_[cell];
      const auto name = [cell](const char* part) { return to_message(cell, '.', part); };
      visitor(name("ci"), weights.peephole_i);
      visitor(name("cf"), weights.peephole_f);
      visitor(name("co"), weights.peephole_o);
      visitor(name("ih.weight"), weights.weight_ih);
      visitor(name("ih.bias"), weights.bias);
      visitor(name("hh.weight"), weights.weight_hh);
    }
    if (options_.dropout > 0) {
      visitor("random", random_);
    }
  }

  std::string describe() const override {
    constexpr const char* peepholes[] = {"no", "current", "previous"};
    std::string text = to_message(
        "ConvLstm(", channels_, ", ", filters_, ", map ", map_, ", kernel ", options_.kernel, ", ",
        peepholes[static_cast<int>(options_.peepholes)], " peepholes, layers ", options_.layers);
    text += options_.bidirectional ? ", bidirectional" : "";
    text += options_.batch_first ? "" : ", time first";
    text += options_.dropout > 0 ? to_message(", dropout ", options_.dropout) : "";
    return text + (options_.bias ? ")" : ", no bias)");
  }

 private:
  ConvLstmOutput<T> run(const Variable<T>& x, const ConvLstmStates<T>& initial,
                        const std::vector<Index>& lengths) {
    check_input(x);
    check_initial(initial);
    const ConvLstmLayerOptions layer_options{options_.peepholes, lengths, options_.algorithm};
    Variable<T> y = in_order(x);
    std::vector<Variable<T>> h;
    std::vector<Variable<T>> c;
    for (Index layer = 0; layer < options_.layers; ++layer) {
      if (layer > 0 && options_.dropout > 0) {
        y = dropout(y, options_.dropout, random_, this->training());
      }
      const auto first = cells_.begin() + layer * directions();
      const auto output =
          conv_lstm_layer<T>(y, {first, first + directions()},
                             {part(initial.h, layer), part(initial.c, layer)}, layer_options);
      y = output.y;
      h.push_back(output.h);
      c.push_back(output.c);
    }
    return {in_order(y), joined(h), joined(c)};
  }

  Index directions() const { return options_.bidirectional ? 2 : 1; }

  /// Exchanges the axes of time and batch, if the user wants time first.
  Variable<T> in_order(const Variable<T>& x) const {
    return options_.batch_first || x.rank() != 5 ? x : permute(x, {1, 0, 2, 3, 4});
  }

  /// The initial state of one layer.
  Variable<T> part(const Variable<T>& state, Index layer) const {
    return state.defined() && options_.layers > 1
               ? slice(state, 0, layer * directions(), directions())
               : state;
  }

  static Variable<T> joined(const std::vector<Variable<T>>& states) {
    return states.size() == 1 ? states.front() : concat(states, 0);
  }

  void check_input(const Variable<T>& x) const {
    const bool fits =
        x.rank() == 5 && x.dim(2) == map_.h && x.dim(3) == map_.w && x.dim(4) == channels_;
    require<ShapeError>(fits, "ConvLstm: expected x ", options_.batch_first ? "(N, T, " : "(T, N, ",
                        map_.h, ", ", map_.w, ", ", channels_, "), got ", x.shape());
  }

  void check_initial(const ConvLstmStates<T>& initial) const {
    for (const auto& state : {initial.h, initial.c}) {
      require<ShapeError>(
          !state.defined() || (state.rank() == 5 && state.dim(0) == std::ssize(cells_)),
          "ConvLstm: expected an initial state (", cells_.size(), ", N, H, W, U), got ",
          state.shape());
    }
  }

  ConvLstmWeights<T> initial_weights(Index channels, Random& random) const {
    const auto uniform = [&](const Shape& shape, Index inputs) {
      const double bound = 1 / std::sqrt(static_cast<double>(inputs * options_.kernel.area()));
      Tensor<T> weight(shape);
      init::uniform(weight, random, -bound, bound);
      return Variable<T>(weight, true);
    };
    const auto [kernel_h, kernel_w] = options_.kernel;
    ConvLstmWeights<T> weights;
    weights.weight_ih = uniform({4 * filters_, channels, kernel_h, kernel_w}, channels);
    weights.weight_hh = uniform({4 * filters_, filters_, kernel_h, kernel_w}, filters_);
    if (options_.bias) {
      weights.bias = uniform({4 * filters_}, channels);
    }
    if (options_.peepholes != ConvLstmPeepholes::none) {
      for (auto* const peephole : {&weights.peephole_i, &weights.peephole_f, &weights.peephole_o}) {
        *peephole = Variable<T>(Tensor<T>::zeros({filters_, map_.h, map_.w}), true);
      }
    }
    return weights;
  }

  void validate() const {
    const auto& kernel = options_.kernel;
    require<ValueError>(channels_ > 0 && filters_ > 0,
                        "ConvLstm: expected positive channels and filters, got ", channels_,
                        " and ", filters_);
    require<ValueError>(map_.h > 0 && map_.w > 0,
                        "ConvLstm: expected a map of at least one pixel, "
                        "got ",
                        map_);
    require<ValueError>(kernel.h > 0 && kernel.w > 0 && kernel.h % 2 == 1 && kernel.w % 2 == 1,
                        "ConvLstm: expected an odd kernel, got ", kernel);
    require<ValueError>(options_.layers > 0, "ConvLstm: expected at least one layer, got ",
                        options_.layers);
    require<ValueError>(options_.dropout >= 0 && options_.dropout < 1,
                        "ConvLstm: expected a dropout in [0, 1), got ", options_.dropout);
    require<ValueError>(options_.algorithm != ConvAlgorithm::winograd || kernel == Size2d(3),
                        "ConvLstm: expected a 3x3 kernel for Winograd's algorithm, got ", kernel);
  }

  Index channels_;
  Index filters_;
  Size2d map_;
  ConvLstmOptions options_;
  std::vector<ConvLstmWeights<T>> cells_;
  Random random_{0};
};

}  // namespace nn
CNNRNN_NAMESPACE_END
