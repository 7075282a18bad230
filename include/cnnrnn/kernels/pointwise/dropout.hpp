#pragma once

#include <cstdint>
#include <span>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/random.hpp"
#include "cnnrnn/kernels/loops/elementwise.hpp"

CNNRNN_KERNELS_BEGIN

/// mask = 0 with probability p, else 1. Each block of elements has a generator of its own, derived
/// from the seed: the same mask for any number of threads. Each draw serves two elements.
inline void dropout_mask(double p, std::uint64_t seed, std::span<std::uint8_t> mask) {
  constexpr Index block = 1 << 14;
  const auto threshold = static_cast<std::uint64_t>(p * 0x1p32);
  parallel_for(std::ssize(mask), block, [&](Index begin, Index end) {
    auto random = Random::derived(seed, {static_cast<std::uint64_t>(begin / block)});
    std::uint8_t* const m = mask.data();
    for (Index i = begin; i < end; i += 2) {
      const std::uint64_t bits = random.bits();
      m[i] = (bits >> 32) >= threshold;
      if (i + 1 < end) {
        m[i + 1] = (bits & 0xffffffffU) >= threshold;
      }
    }
  });
}

/// y = scale x where the mask is 1, else 0
template <class T>
void dropout_forward(std::span<const T> x, std::span<const std::uint8_t> mask, Accumulator<T> scale,
                     std::span<T> y) {
  for_each_element(x.size(), [=, from = x.data(), m = mask.data(), to = y.data()](std::size_t i) {
    to[i] = static_cast<T>(m[i] != 0 ? scale * from[i] : 0);
  });
}

/// dx = scale dy where the mask is 1, else 0
template <class T>
void dropout_backward(std::span<const std::uint8_t> mask, Accumulator<T> scale,
                      std::span<const T> dy, GradientSpan<T> dx) {
  store_gradient(dx, [=, from = dy.data(), m = mask.data()](std::size_t i) {
    const Accumulator<T> kept =
        scale * from[i];  // loaded in any case, so that the loop has no branch
    return m[i] != 0 ? kept : 0;
  });
}

CNNRNN_KERNELS_END
