#pragma once

#include "cnnrnn/kernels/loops/lanes.hpp"

CNNRNN_KERNELS_BEGIN

/// The weights that a step changes. Those of bfloat16 are changed in float, and rounded in the same
/// pass.
template <class T>
struct Weights {
  Accumulator<T>* values;
  T* rounded = nullptr;  ///< of bfloat16: what the values are rounded into

  /// Stores values from `begin` on.
  template <class Lanes>
  void store(const Lanes& lanes, Index begin, Packet<Accumulator<T>> value) const {
    lanes.store(values + begin, value);
    if constexpr (is_bfloat16<T>) {
      lanes.store(rounded + begin, value);
    }
  }
};

CNNRNN_KERNELS_END
