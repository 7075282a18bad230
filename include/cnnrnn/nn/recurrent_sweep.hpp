#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/map_reader.hpp"
#include "cnnrnn/ops/add.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// What a sweep makes of a map: the states of its networks, or the map plus projections of them.
enum class SweepForm { residual, plain };

/// Options of RecurrentSweep.
struct RecurrentSweepOptions {
  Index channels = 0;     ///< of the map
  Index patch = 1;        ///< a step is a patch x patch square of the map
  Index units = 32;       ///< of a direction; a ConvLSTM has a quarter as many filters
  Cell cell = Cell::gru;  ///< of the recurrent network
  std::optional<ConvLstmPeepholes> peepholes = {};           ///< see SequenceOptions
  std::vector<Lines> lines = {Lines::rows, Lines::columns};  ///< what is read, in this order
  bool bidirectional = true;             ///< also from the last step to the first
  SweepForm form = SweepForm::residual;  ///< what is made of the map
};

/// Recurrent networks that sweep over the rows of a feature map and then over its columns, so that
/// every position has seen the whole map.
///
/// In the plain form each reads what the one before it made, x (N, H, W, channels) -> (N, H / P,
/// W / P, features): the layer of ReNet (Visin et al. 2015). The residual form keeps the map: each
/// adds x + projection(network(BN(x))), x (N, H, W, channels) -> the same. The projections, dense
/// layers from the features of a patch to its pixels, start at zero, so that a network begins as
/// the one without the sweep.
///
/// The parts are named `rows` and `columns`, in the residual form with `rows_norm` and `rows_out`.
/// Throws ValueError for options out of range, ShapeError unless P divides H and W.
template <class T>
class RecurrentSweep : public Layer<T> {
 public:
  /// A sweep with initial weights drawn from `random`.
  RecurrentSweep(const RecurrentSweepOptions& options, Random& random)
      : RecurrentSweep("RecurrentSweep", options, random) {}

  Variable<T> operator()(const Variable<T>& x) override {
    detail::check_patches(name_, x, options_.channels, options_.patch);
    Variable<T> map = x;
    for (Pass& pass : passes_) {
      map = pass.norm ? map + pixels(project(pass, map), x) : pass.reader(map);
    }
    return map;
  }

  /// How many channels come out.
  Index features() const {
    return options_.form == SweepForm::residual ? options_.channels
                                                : passes_.back().reader.features();
  }

  void visit(Visitor<T>& visitor) override {
    for (Pass& pass : passes_) {
      const std::string name = pass.lines == Lines::rows ? "rows" : "columns";
      if (pass.norm) {
        visitor(name + "_norm", *pass.norm);
      }
      visitor(name, pass.reader);
      if (pass.out) {
        visitor(name + "_out", *pass.out);
      }
    }
  }

  std::string describe() const override {
    return to_message(name_, '(', options_.channels, ", ",
                      options_.form == SweepForm::residual ? "residual" : "plain", ", patch ",
                      options_.patch, 'x', options_.patch, ", ", name_of(options_.cell), ' ',
                      options_.units, ')');
  }

 protected:
  /// The same under another name in messages.
  RecurrentSweep(const char* name, const RecurrentSweepOptions& options, Random& random)
      : name_(name), options_(checked(name, options)) {
    const bool residual = options.form == SweepForm::residual;
    Index channels = options.channels;
    Index patch = options.patch;
    for (const Lines lines : options.lines) {
      MapReader<T> reader({.channels = channels,
                           .patch = patch,
                           .units = options.units,
                           .cell = options.cell,
                           .peepholes = options.peepholes,
                           .lines = lines,
                           .bidirectional = options.bidirectional},
                          random);
      Pass pass{lines, {}, std::move(reader), {}};
      const Index features = pass.reader.features();
      if (residual) {
        pass.norm.emplace(channels);
        pass.out.emplace(features, channels * patch * patch, LinearOptions{.zero_inputs = features},
                         random);
      } else {
        channels = features;
        patch = 1;
      }
      passes_.push_back(std::move(pass));
    }
  }

 private:
  /// The lines of one kind; the norm and the projection are those of the residual form.
  struct Pass {
    Lines lines;
    std::optional<BatchNorm2d<T>> norm;
    MapReader<T> reader;
    std::optional<Linear<T>> out;
  };

  static const RecurrentSweepOptions& checked(const char* name, const RecurrentSweepOptions& o) {
    require<ValueError>(o.channels > 0 && o.patch > 0 && o.units > 0, name,
                        ": expected positive channels, patch and units, got ", o.channels, ", ",
                        o.patch, " and ", o.units);
    require<ValueError>(o.lines.size() == 1 || (o.lines.size() == 2 && o.lines[0] != o.lines[1]),
                        name, ": expected rows, columns or each of them once, got ", o.lines.size(),
                        " kinds of lines");
    return o;
  }

  /// (N, M, K, channels P P)
  static Variable<T> project(Pass& pass, const Variable<T>& map) {
    return (*pass.out)(pass.reader((*pass.norm)(map)));
  }

  /// Puts patches, channel by channel, where their pixels are in x.
  Variable<T> pixels(const Variable<T>& patches, const Variable<T>& x) const {
    const Index p = options_.patch;
    if (p == 1) {
      return patches;
    }
    const auto apart =
        reshape(patches, {x.dim(0), x.dim(1) / p, x.dim(2) / p, options_.channels, p, p});
    return reshape(permute(apart, {0, 1, 4, 2, 5, 3}), x.shape());
  }

  const char* name_;
  RecurrentSweepOptions options_;
  std::vector<Pass> passes_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
