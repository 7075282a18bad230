#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/map_reader.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// The feature map that an RNN tap reads, and how: patches of patch x patch, `units` a direction.
struct RnnTapOptions {
  Index channels = 0;  ///< of the map
  Index height = 0;    ///< of the map
  Index width = 0;     ///< of the map
  Index patch = 4;     ///< pixels of a patch's side
  Index units = 32;    ///< of a direction
};

namespace detail {

inline RnnTapOptions checked(const RnnTapOptions& o) {
  require<ValueError>(o.channels > 0 && o.height > 0 && o.width > 0,
                      "RnnTap: expected positive channels, height and width, got ", o.channels,
                      ", ", o.height, " and ", o.width);
  require<ValueError>(o.patch > 0 && o.height % o.patch == 0 && o.width % o.patch == 0,
                      "RnnTap: expected a patch size that divides ", o.height, " and ", o.width,
                      ", got ", o.patch);
  require<ValueError>(o.units > 0, "RnnTap: expected positive units, got ", o.units);
  return o;
}

}  // namespace detail

/// The recurrent part of an RNN tap: a feature map (N, H, W, C) -> the final states of its M rows
/// of patches, (N, features). Derive from it to tap with another cell.
template <class T>
class RowReader : public Layer<T> {
 public:
  /// How many numbers the rows of one image give together.
  virtual Index features() const = 0;
};

namespace detail {

/// A row reader of any cell: the last states of a MapReader. Its parameters are the network's.
template <class T>
class RecurrentRows : public RowReader<T> {
 public:
  Variable<T> operator()(const Variable<T>& x) override {
    const Shape expected{x.rank() > 0 ? x.dim(0) : 0, options_.height, options_.width,
                         options_.channels};
    require<ShapeError>(x.shape() == expected, name_, ": expected a feature map ", expected,
                        ", got ", x.shape());
    return reshape(reader_.last_states(x), {x.dim(0), features()});
  }

  Index features() const override { return options_.height / options_.patch * reader_.features(); }

  void visit(Visitor<T>& visitor) override { reader_.visit(visitor); }

  std::string describe() const override {
    return to_message(name_, "(patch ", options_.patch, 'x', options_.patch, ", ",
                      reader_.network().describe(), ')');
  }

 protected:
  RecurrentRows(const char* name, const RnnTapOptions& options, Cell cell,
                ConvLstmPeepholes peepholes, Random& random)
      : name_(name),
        options_(checked(options)),
        reader_({.channels = options.channels,
                 .patch = options.patch,
                 .units = options.units,
                 .cell = cell,
                 .peepholes = peepholes},
                random) {}

 private:
  const char* name_;
  RnnTapOptions options_;
  MapReader<T> reader_;
};

}  // namespace detail

/// Reads the rows of patches with a bidirectional LSTM: (N, H, W, C) -> (N, M 2U), for each row the
/// last hidden state of the forward and of the reverse direction. Its parameters are the LSTM's,
/// which may have peepholes. Throws ValueError for options out of range.
template <class T>
class LstmRows : public detail::RecurrentRows<T> {
 public:
  /// A reader with or without peepholes; the initial weights are drawn from `random`.
  LstmRows(const RnnTapOptions& options, bool peepholes, Random& random)
      : detail::RecurrentRows<T>("LstmRows", options, Cell::lstm,
                                 peepholes ? ConvLstmPeepholes::current : ConvLstmPeepholes::none,
                                 random) {}

  /// The same without peepholes.
  LstmRows(const RnnTapOptions& options, Random& random) : LstmRows(options, false, random) {}
};

/// The same with a GRU.
template <class T>
class GruRows : public detail::RecurrentRows<T> {
 public:
  /// A reader with initial weights drawn from `random`.
  GruRows(const RnnTapOptions& options, Random& random)
      : detail::RecurrentRows<T>("GruRows", options, Cell::gru, ConvLstmPeepholes::none, random) {}
};

/// The same with an IRNN, a simple RNN of ReLUs that starts from the identity; see init_irnn.
template <class T>
class IrnnRows : public detail::RecurrentRows<T> {
 public:
  /// A reader with initial weights drawn from `random`.
  IrnnRows(const RnnTapOptions& options, Random& random)
      : detail::RecurrentRows<T>("IrnnRows", options, Cell::irnn, ConvLstmPeepholes::none, random) {
  }
};

/// The RNN tap of Yin, Zhang and Shao (2019), section 2: a feature map is cut into patches, each
/// row of patches runs through an RNN, and the final states of all rows, flattened, are
/// batch-normalised. (N, H, W, C) -> (N, features). The cell is that of the row reader:
///
///   RnnTap<float> tap(LstmRows<float>({.channels = 32, .height = 16, .width = 16}, random));
template <class T>
class RnnTap : public Layer<T> {
 public:
  /// A tap with the given reader.
  template <class Rows>
  requires std::is_base_of_v<RowReader<T>, Rows>
  explicit RnnTap(Rows rows)
      : rnn_(std::make_unique<Rows>(std::move(rows))), batch_norm_(rnn_->features(), {}) {}

  Variable<T> operator()(const Variable<T>& x) override { return batch_norm_((*rnn_)(x)); }

  /// How many features come out.
  Index features() const { return rnn_->features(); }

  /// The recurrent part, whose weights the paper decays (section 4.2).
  RowReader<T>& rnn() { return *rnn_; }

  void visit(Visitor<T>& visitor) override {
    visitor("rnn", static_cast<Module<T>&>(*rnn_));
    visitor("bn", static_cast<Module<T>&>(batch_norm_));
  }

  std::string describe() const override { return "RnnTap"; }

 private:
  std::unique_ptr<RowReader<T>> rnn_;
  BatchNorm1d<T> batch_norm_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
