#pragma once

#include <string>

#include "cnnrnn/nn/lstm.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/patch_sequences.hpp"
#include "cnnrnn/ops/permute.hpp"
#include "cnnrnn/ops/reshape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

struct ReNetOptions {
  Index channels = 0;  ///< of the input
  Index patch = 2;     ///< a position of the output is a patch x patch square of the input
  Index units = 32;    ///< of each of the four directions
};

/// The four-direction layer of ReNet: recurrent networks in place of a convolution and a pooling.
/// One sweeps over each row of patches from left to right and back, a second one over each column
/// of what came out, so that every position of the output has seen the whole image.
///
/// x (N, H, W, channels) -> (N, H / patch, W / patch, 2 units). Network is Lstm, Gru or Rnn. Throws
/// ValueError unless channels, patch and units are positive, ShapeError unless patch divides H and
/// W. Source: Visin et al. (2015), who sweep over columns first.
template <class T, class Network = Lstm<T>>
class ReNet : public Layer<T> {
 public:
  ReNet(const ReNetOptions& options, Random& random)
      : options_(checked(options)),
        rows_(options.channels * options.patch * options.patch, options.units,
              {.bidirectional = true}, random),
        columns_(2 * options.units, options.units, {.bidirectional = true}, random) {}

  Variable<T> operator()(const Variable<T>& x) override {
    const Index patch = options_.patch;
    const auto whole = [patch](Index pixels) { return pixels > 0 && pixels % patch == 0; };
    require<ShapeError>(
        x.rank() == 4 && x.dim(3) == options_.channels && whole(x.dim(1)) && whole(x.dim(2)),
        "ReNet: expected an input (N, H, W, ", options_.channels, ") of patches of ", patch, 'x',
        patch, ", got ", x.shape());
    const Index m = x.dim(1) / patch;
    const Index k = x.dim(2) / patch;
    const Index features = 2 * options_.units;
    const auto swept_rows = rows_(patch_sequences(x, patch)).y;  // (N M, K, 2U)
    const auto turned = permute(reshape(swept_rows, {x.dim(0), m, k, features}), {0, 2, 1, 3});
    const auto swept = columns_(reshape(turned, {x.dim(0) * k, m, features})).y;  // (N K, M, 2U)
    return permute(reshape(swept, {x.dim(0), k, m, features}), {0, 2, 1, 3});
  }

  void visit(Visitor<T>& visitor) override {
    visitor("rows", static_cast<Module<T>&>(rows_));
    visitor("columns", static_cast<Module<T>&>(columns_));
  }

  std::string describe() const override {
    return to_message("ReNet(patch ", options_.patch, 'x', options_.patch, ')');
  }

 private:
  static const ReNetOptions& checked(const ReNetOptions& o) {
    require<ValueError>(o.channels > 0 && o.patch > 0 && o.units > 0,
                        "ReNet: expected positive channels, patch and units, got ", o.channels,
                        ", ", o.patch, " and ", o.units);
    return o;
  }

  ReNetOptions options_;
  Network rows_;
  Network columns_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
