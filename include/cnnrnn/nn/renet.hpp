#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "cnnrnn/nn/recurrent_sweep.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// Options of ReNet.
struct ReNetOptions {
  Index channels = 0;  ///< of the input
  Index patch = 2;     ///< a position of the output is a patch x patch square of the input
  Index units = 32;    ///< of each of the four directions
  std::optional<Cell> cell = {};  ///< not given: that of Network
};

namespace detail {

template <class Network>
inline constexpr Cell cell_of = Cell::lstm;
template <class T>
inline constexpr Cell cell_of<Gru<T>> = Cell::gru;
template <class T>
inline constexpr Cell cell_of<Rnn<T>> = Cell::rnn;

}  // namespace detail

/// The four-direction layer of ReNet: recurrent networks in place of a convolution and a pooling.
/// One sweeps over each row of patches from left to right and back, a second one over each column
/// of what came out, so that every position of the output has seen the whole image. It is a
/// RecurrentSweep in its plain form.
///
/// x (N, H, W, channels) -> (N, H / patch, W / patch, 2 units). Network is Lstm, Gru or Rnn. Throws
/// ValueError unless channels, patch and units are positive, ShapeError unless patch divides H and
/// W. Source: Visin et al. (2015), who sweep over columns first.
template <class T, class Network = Lstm<T>>
class ReNet : public RecurrentSweep<T> {
 public:
  /// A layer with initial weights drawn from `random`.
  ReNet(const ReNetOptions& options, Random& random)
      : RecurrentSweep<T>("ReNet",
                          {.channels = options.channels,
                           .patch = options.patch,
                           .units = options.units,
                           .cell = options.cell.value_or(detail::cell_of<Network>),
                           .form = SweepForm::plain},
                          random),
        patch_(options.patch) {}

  std::string describe() const override {
    return to_message("ReNet(patch ", patch_, 'x', patch_, ')');
  }

 private:
  Index patch_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
