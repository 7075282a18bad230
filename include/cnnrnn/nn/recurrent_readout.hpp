#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/map_reader.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/extremes.hpp"
#include "cnnrnn/ops/sum.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// What a read-out reads: rows, columns, both beside each other, or the columns of what the rows
/// gave, as ReNet does.
enum class ReadoutLines { rows, columns, rows_and_columns, rows_then_columns };

/// What a read-out keeps of the states of a line: those after its last step, or over all steps
/// their mean, the largest of each unit, or both.
enum class ReadoutPooling { last, mean, max, mean_and_max };

/// Options of RecurrentReadout.
struct RecurrentReadoutOptions {
  Index channels = 0;  ///< of the map
  Index height = 0;    ///< of the map
  Index width = 0;     ///< of the map
  Index patch = 1;     ///< a step is a patch x patch square of the map
  Index units = 32;    ///< of a direction; a ConvLSTM has a quarter as many filters
  Index reduced =
      0;  ///< channels to which a 1x1 convolution, batch norm and ReLU bring the map; 0: none
  Cell cell = Cell::gru;                                  ///< of the recurrent network
  std::optional<ConvLstmPeepholes> peepholes = {};        ///< see SequenceOptions
  ReadoutLines lines = ReadoutLines::rows_then_columns;   ///< what is read as sequences
  ReadoutPooling pooling = ReadoutPooling::mean_and_max;  ///< what is made of the states
  bool each_line = false;  ///< keep the features of every line, else pool over the lines too
  double dropout = 0;      ///< of the features, in training
};

/// Reads a feature map with bidirectional recurrent networks and makes features of it that join
/// those of another branch before its last dense layer: x (N, height, width, channels) -> (N,
/// features()). The states are pooled over time and, unless each line is kept, over the lines, as
/// options.pooling says (of last states the mean), then batch-normalised, then dropped out.
///
/// To begin as the network without it, start what reads the features at zero:
///
///   nn::Linear<float> out(512 + readout.features(), 10,
///                         {.zero_inputs = readout.features()}, random);
///
/// The parts are named `reduce`, `rows`, `columns`, `bn` and `dropout`. Throws ValueError for
/// options out of range, ShapeError for another map.
template <class T>
class RecurrentReadout : public Layer<T> {
 public:
  /// A readout with initial weights drawn from `random`.
  RecurrentReadout(const RecurrentReadoutOptions& options, Random& random)
      : options_(checked(options)) {
    Index channels = options.channels;
    if (options.reduced > 0) {
      reduce_.emplace(Conv2d<T>(channels, options.reduced, {.kernel = 1, .bias = false}, random),
                      BatchNorm2d<T>(options.reduced), Relu<T>());
      channels = options.reduced;
    }
    if (options.lines != ReadoutLines::columns) {
      rows_.emplace(reader(channels, options.patch, Lines::rows), random);
    }
    if (options.lines == ReadoutLines::rows_then_columns) {
      columns_.emplace(reader(rows_->features(), 1, Lines::columns), random);
    } else if (options.lines != ReadoutLines::rows) {
      columns_.emplace(reader(channels, options.patch, Lines::columns), random);
    }
    norm_.emplace(features());
    if (options.dropout > 0) {
      dropout_.emplace(options.dropout, random);
    }
  }

  Variable<T> operator()(const Variable<T>& x) override {
    const Shape expected{x.rank() > 0 ? x.dim(0) : 0, options_.height, options_.width,
                         options_.channels};
    require<ShapeError>(x.shape() == expected, "RecurrentReadout: expected a feature map ",
                        expected, ", got ", x.shape());
    const Variable<T> map = reduce_ ? (*reduce_)(x) : x;
    std::vector<Variable<T>> parts;
    if (stacked()) {
      add_parts(*columns_, Lines::columns, (*rows_)(map), parts);
    } else {
      if (rows_) {
        add_parts(*rows_, Lines::rows, map, parts);
      }
      if (columns_) {
        add_parts(*columns_, Lines::columns, map, parts);
      }
    }
    const Variable<T> y = (*norm_)(parts.size() == 1 ? parts.front() : concat(parts));
    return dropout_ ? (*dropout_)(y) : y;
  }

  /// How many numbers come out for an image.
  Index features() const {
    const Index pooled = options_.pooling == ReadoutPooling::mean_and_max ? 2 : 1;
    const Index m = options_.each_line ? options_.height / options_.patch : 1;
    const Index k = options_.each_line ? options_.width / options_.patch : 1;
    const Index of_rows = rows_ && !stacked() ? m * rows_->features() : 0;
    const Index of_columns = columns_ ? k * columns_->features() : 0;
    return pooled * (of_rows + of_columns);
  }

  void visit(Visitor<T>& visitor) override {
    if (reduce_) {
      visitor("reduce", *reduce_);
    }
    if (rows_) {
      visitor("rows", *rows_);
    }
    if (columns_) {
      visitor("columns", *columns_);
    }
    visitor("bn", *norm_);
    if (dropout_) {
      visitor("dropout", *dropout_);
    }
  }

  std::string describe() const override {
    constexpr const char* lines[] = {"rows", "columns", "rows and columns", "rows, then columns"};
    constexpr const char* pooling[] = {"last states", "mean", "max", "mean and max"};
    return to_message("RecurrentReadout(map ", options_.height, 'x', options_.width, 'x',
                      options_.channels, ", patch ", options_.patch, 'x', options_.patch, ", ",
                      lines[static_cast<int>(options_.lines)], ", ", name_of(options_.cell), ' ',
                      options_.units, ", ", pooling[static_cast<int>(options_.pooling)],
                      options_.each_line ? " of each line)" : ")");
  }

 private:
  static const RecurrentReadoutOptions& checked(const RecurrentReadoutOptions& o) {
    require<ValueError>(o.channels > 0 && o.height > 0 && o.width > 0,
                        "RecurrentReadout: expected positive channels, height and width, got ",
                        o.channels, ", ", o.height, " and ", o.width);
    require<ValueError>(o.patch > 0 && o.height % o.patch == 0 && o.width % o.patch == 0,
                        "RecurrentReadout: expected a patch size that divides ", o.height, " and ",
                        o.width, ", got ", o.patch);
    require<ValueError>(o.units > 0 && o.reduced >= 0,
                        "RecurrentReadout: expected positive units, and 0 or more channels to "
                        "reduce to, got ",
                        o.units, " and ", o.reduced);
    return o;
  }

  MapReaderOptions reader(Index channels, Index patch, Lines lines) const {
    return {.channels = channels,
            .patch = patch,
            .units = options_.units,
            .cell = options_.cell,
            .peepholes = options_.peepholes,
            .lines = lines};
  }

  bool stacked() const { return options_.lines == ReadoutLines::rows_then_columns; }

  /// Appends the features that a reader gives, (N, ...) each.
  void add_parts(MapReader<T>& reader, Lines lines, const Variable<T>& map,
                 std::vector<Variable<T>>& parts) const {
    const bool last = options_.pooling == ReadoutPooling::last;
    const Variable<T> states = last ? reader.last_states(map) : reader(map);
    if (last) {  // (N, L, F)
      parts.push_back(options_.each_line ? flat(states) : mean(states, {1}));
      return;
    }
    const Index n = states.dim(0);
    const Index features = states.dim(3);
    const Index time = lines == Lines::rows ? 2 : 1;
    const auto pooled = [&](const auto& pool) {
      return options_.each_line
                 ? flat(pool(states, time))
                 : pool(reshape(states, {n, states.dim(1) * states.dim(2), features}), Index(1));
    };
    if (options_.pooling != ReadoutPooling::max) {
      parts.push_back(pooled([](const auto& y, Index axis) { return mean(y, {axis}); }));
    }
    if (options_.pooling != ReadoutPooling::mean) {
      parts.push_back(pooled([](const auto& y, Index axis) { return amax(y, axis); }));
    }
  }

  static Variable<T> flat(const Variable<T>& x) {
    return reshape(x, {x.dim(0), x.value().size() / std::max<Index>(1, x.dim(0))});
  }

  RecurrentReadoutOptions options_;
  std::optional<Sequential<T>> reduce_;
  std::optional<MapReader<T>> rows_;
  std::optional<MapReader<T>> columns_;
  std::optional<BatchNorm1d<T>> norm_;
  std::optional<Dropout<T>> dropout_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
