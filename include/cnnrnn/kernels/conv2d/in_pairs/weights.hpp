#pragma once

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/direct/weights.hpp"
#include "cnnrnn/kernels/gemm/pairs.hpp"

CNNRNN_KERNELS_BEGIN
namespace detail {

/// The numbers of a packet, each rounded to bfloat16.
inline Packet<float> rounded_to_bfloat16(Packet<float> numbers) {
  bfloat16 stored[static_cast<std::size_t>(Packet<float>::width)];
  numbers.store(stored);
  return Packet<float>::load(stored);
}

/// How many floats the packed weights of a group have.
inline Index packed_pair_weights(const TapWeights<float>& weights) {
  return packed_pairs(weights.columns, 2 * weights.taps * ((weights.inner + 1) / 2));
}

/// Weights of all groups as multiply_pairs reads them, rounded to bfloat16: (group, panel, taps,
/// pairs of inner, columns of a panel). The last of an odd number has a zero beside it.
inline Tensor<float> pack_pair_weights(const TapWeights<float>& weights) {
  constexpr Index width = Packet<float>::width;
  const Tensor<float> rows = pack_weights(weights);
  const Index strips = round_up(weights.columns, width) / width;
  const Index depth = weights.taps * weights.inner;
  const Index pairs = weights.taps * ((weights.inner + 1) / 2);
  Tensor<float> packed({weights.groups, strips * width * pairs});
  const float* const all = rows.data();
  float* const to = packed.mutable_data();
  parallel_for(weights.groups * strips, 1, [&](Index job, Index) {
    const Index column = job % strips * width;
    const Index n0 = column / Tile<float>::columns * Tile<float>::columns;
    const Index columns = panel_columns<float>(n0, weights.columns);
    const float* from = all + (job / strips * strips * width + n0) * depth + column - n0;
    float* place = to + (job / strips * strips * width + n0) * pairs + column - n0;
    for (Index tap = 0; tap < weights.taps; ++tap) {
      for (Index k = 0; k < weights.inner; k += 2, place += columns) {
        const auto first = rounded_to_bfloat16(Packet<float>::load(from));
        from += columns;
        auto second = Packet<float>::zero();
        if (k + 1 < weights.inner) {
          second = rounded_to_bfloat16(Packet<float>::load(from));
          from += columns;
        }
        Bfloat16Pairs::of(first, second).store(place);
      }
    }
  });
  return packed;
}

}  // namespace detail
CNNRNN_KERNELS_END
