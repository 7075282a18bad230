#pragma once

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv_lstm/dims.hpp"

CNNRNN_KERNELS_BEGIN

/// The weights of one direction: (4U, C, KH, KW), (4U, U, KH, KW), (4U), and three times (U, H, W).
/// The bias and the peepholes may be null.
template <class T>
struct ConvLstmWeights {
  const T* weight_ih;
  const T* weight_hh;
  const T* bias;
  const T* peephole_i;
  const T* peephole_f;
  const T* peephole_o;

  /// The weight of gate row o for channel k of state and input together.
  auto joined(const ConvLstmDims& d) const {
    return [*this, d](Index o, Index k, Index i, Index j) {
      const Index tap = i * d.kernel.w + j;
      return k < d.u ? weight_hh[(o * d.u + k) * d.kernel.area() + tap]
                     : weight_ih[(o * d.c + k - d.u) * d.kernel.area() + tap];
    };
  }
  /// The same turned by half a turn, with the roles exchanged.
  auto turned(const ConvLstmDims& d) const {
    return [weight = joined(d), d](Index k, Index o, Index i, Index j) {
      return weight(o, k, d.kernel.h - 1 - i, d.kernel.w - 1 - j);
    };
  }
};

/// The peepholes (H W, U, 3) in the order i f o, as the steps read them; zeros if there are none.
template <class T>
Tensor<T> pack_peepholes(const ConvLstmDims& d, const ConvLstmWeights<T>& w) {
  auto packed = Tensor<T>::zeros({d.pixels(), d.u, 3});
  T* to = packed.mutable_data();
  if (d.peepholes == ConvLstmPeepholes::none) {
    return packed;
  }
  for (Index pixel = 0; pixel < d.pixels(); ++pixel) {
    for (Index unit = 0; unit < d.u; ++unit) {
      for (const T* const from : {w.peephole_i, w.peephole_f, w.peephole_o}) {
        *to++ = from[unit * d.pixels() + pixel];
      }
    }
  }
  return packed;
}

CNNRNN_KERNELS_END
