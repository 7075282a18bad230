#pragma once

#include <optional>
#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/nn/sequence_layer.hpp"
#include "cnnrnn/ops/patch_sequences.hpp"
#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of MapReader.
struct MapReaderOptions {
  Index channels = 0;     ///< of the map
  Index patch = 1;        ///< a step is a patch x patch square of the map
  Index units = 32;       ///< of a direction; a ConvLSTM has a quarter as many filters
  Cell cell = Cell::gru;  ///< of the recurrent network
  std::optional<ConvLstmPeepholes> peepholes = {};  ///< see SequenceOptions
  Lines lines = Lines::rows;                        ///< what is read as sequences
  bool bidirectional = true;                        ///< also from the last step to the first
};

namespace detail {

/// Throws ShapeError, for the layer `name`, unless x is a map (N, H, W, channels) of whole patches.
template <class T>
void check_patches(const char* name, const Variable<T>& x, Index channels, Index patch) {
  const auto whole = [patch](Index pixels) { return pixels > 0 && pixels % patch == 0; };
  require<ShapeError>(x.rank() == 4 && x.dim(3) == channels && whole(x.dim(1)) && whole(x.dim(2)),
                      name, ": expected an input (N, H, W, ", channels, ") of patches of ", patch,
                      'x', patch, ", got ", x.shape());
}

}  // namespace detail

/// Reads each row, or each column, of a feature map with a recurrent network, patch by patch: x (N,
/// H, W, channels) -> y (N, H / P, W / P, features), the state at each patch. Features are the
/// units of all directions; of a ConvLSTM, to which a patch stays a map of P x P pixels, its
/// filters of all pixels, channel by channel. Its parameters are the network's. Throws ValueError
/// for options out of range, ShapeError unless P divides H and W.
template <class T>
class MapReader : public Layer<T> {
 public:
  /// A reader with initial weights drawn from `random`.
  MapReader(const MapReaderOptions& options, Random& random)
      : options_(checked(options)),
        network_(convolves() ? options.channels : options.channels * options.patch * options.patch,
                 convolves() ? options.units / 4 : options.units,
                 {.cell = options.cell,
                  .bidirectional = options.bidirectional,
                  .peepholes = options.peepholes,
                  .map = Size2d(options.patch)},
                 random) {}

  Variable<T> operator()(const Variable<T>& x) override {
    const Grid g = grid(x);
    if (!convolves()) {
      return network_.read(steps(x, g), options_.lines).y;
    }
    const Variable<T> y = network_.read(maps(x, g)).y;  // (N L, S, P, P, D filters)
    const Variable<T> states = reshape(options_.patch == 1 ? y : permute(y, {0, 1, 4, 2, 3}),
                                       {g.n, g.lines, g.steps, features()});
    return columns() ? permute(states, {0, 2, 1, 3}) : states;
  }

  /// The states after the last step of each line and direction: (N, L, features) of L lines.
  Variable<T> last_states(const Variable<T>& x) {
    const Grid g = grid(x);
    const Variable<T> h = convolves()
                              ? permute(network_.read(maps(x, g)).h, {1, 0, 4, 2, 3})
                              : permute(network_.read(steps(x, g), options_.lines).h, {1, 0, 2});
    return reshape(h, {g.n, g.lines, features()});
  }

  /// How many numbers a step gives.
  Index features() const {
    const Index of_direction =
        convolves() ? options_.units / 4 * options_.patch * options_.patch : options_.units;
    return (options_.bidirectional ? 2 : 1) * of_direction;
  }

  /// The recurrent network.
  const SequenceLayer<T>& network() const { return network_; }

  void visit(Visitor<T>& visitor) override { network_.visit(visitor); }

  std::string describe() const override {
    return to_message("MapReader(", columns() ? "columns" : "rows", ", patch ", options_.patch, 'x',
                      options_.patch, ", ", network_.describe(), ')');
  }

 private:
  /// N maps as L lines of S steps each.
  struct Grid {
    Index n, lines, steps;
  };

  static const MapReaderOptions& checked(const MapReaderOptions& o) {
    require<ValueError>(o.channels > 0 && o.patch > 0 && o.units > 0,
                        "MapReader: expected positive channels, patch and units, got ", o.channels,
                        ", ", o.patch, " and ", o.units);
    require<ValueError>(o.cell != Cell::conv_lstm || o.units % 4 == 0,
                        "MapReader: expected units divisible by 4 for a conv_lstm, got ", o.units);
    return o;
  }

  bool columns() const { return options_.lines == Lines::columns; }
  bool convolves() const { return options_.cell == Cell::conv_lstm; }

  Grid grid(const Variable<T>& x) const {
    detail::check_patches("MapReader", x, options_.channels, options_.patch);
    const Index m = x.dim(1) / options_.patch;
    const Index k = x.dim(2) / options_.patch;
    return columns() ? Grid{x.dim(0), k, m} : Grid{x.dim(0), m, k};
  }

  /// The map of patches that a network reads: (N, H / P, W / P, C P P).
  Variable<T> steps(const Variable<T>& x, const Grid& g) const {
    const Index patch = options_.patch;
    return patch == 1
               ? x
               : reshape(patch_sequences(x, patch), {g.n, x.dim(1) / patch, x.dim(2) / patch, -1});
  }

  /// The sequences of maps that a ConvLSTM reads: (N L, S, P, P, C).
  Variable<T> maps(const Variable<T>& x, const Grid& g) const {
    const Index patch = options_.patch;
    const Index channels = options_.channels;
    const Variable<T> squares =
        columns() ? permute(reshape(x, {g.n, g.steps, patch, g.lines, patch, channels}),
                            {0, 3, 1, 2, 4, 5})
                  : permute(reshape(x, {g.n, g.lines, patch, g.steps, patch, channels}),
                            {0, 1, 3, 2, 4, 5});
    return reshape(squares, {g.n * g.lines, g.steps, patch, patch, channels});
  }

  MapReaderOptions options_;
  SequenceLayer<T> network_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
