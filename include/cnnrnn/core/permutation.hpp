#pragma once

#include <array>
#include <cstddef>

#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

/// Brings the elements of a packet into another order, some of them several times: element i of the
/// result is element from[i], which is below the width.
template <class T>
class Permutation {
 public:
  static constexpr auto width = static_cast<std::size_t>(Packet<T>::width);

  explicit Permutation(const std::array<Index, width>& from) {
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t word = 0; word < words; ++word) {
        places_[i * words + word] =
            static_cast<int>(from[i]) * static_cast<int>(words) + static_cast<int>(word);
      }
    }
  }

  Packet<T> operator()(Packet<T> packet) const {
    if constexpr (Packet<T>::masked) {
      return {detail::permuted(packet.value, places_.data())};
    } else {
      std::array<T, width> in;
      std::array<T, width> out;
      packet.store(in.data());
      for (std::size_t i = 0; i < width; ++i) {
        out[i] = in[static_cast<std::size_t>(places_[i * words]) / words];
      }
      return Packet<T>::load(out.data());
    }
  }

 private:
  static constexpr std::size_t words = sizeof(T) < sizeof(int) ? 1 : sizeof(T) / sizeof(int);

  alignas(64) std::array<int, width * words> places_{};  ///< of words of 32 bits, as machines count
};

CNNRNN_KERNELS_END
