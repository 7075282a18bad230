#pragma once

// GCC 12 warns of uninitialised values inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "cnnrnn/core/bfloat16_lanes.hpp"
#include "cnnrnn/core/eigen_headers.hpp"
#include "cnnrnn/core/extensions.hpp"
#include "cnnrnn/core/masked.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_KERNELS_BEGIN

/// The widest vector of T that this translation unit was compiled for: SSE, AVX, AVX-512 or NEON
/// through Eigen's packet layer, a plain T where there is none.
template <class T>
struct Packet {
  using Native = typename Eigen::internal::packet_traits<T>::type;
  static constexpr Index width = Eigen::internal::unpacket_traits<Native>::size;

  Native value;

  static Packet load(const T* from) { return {Eigen::internal::ploadu<Native>(from)}; }
  static Packet set(T scalar) { return {Eigen::internal::pset1<Native>(scalar)}; }
  static Packet zero() { return set(T(0)); }
  void store(T* to) const { Eigen::internal::pstoreu(to, value); }

  /// Numbers of bfloat16 are floats in a vector, and rounded to the nearest when they are stored.
  static Packet load(const bfloat16* from) { return {detail::load_bfloat16(from, Native())}; }
  void store(bfloat16* to) const { detail::store_bfloat16(to, value); }

  /// Whether a part of a vector is read and written as fast as all of it.
  static constexpr bool masked =
      std::is_floating_point_v<T> && width > 1 &&
      static_cast<std::size_t>(width) * sizeof(T) == detail::masked_bytes;

  /// The first `count` elements, at most `width`; zeros behind them. For the tail of a row.
  static Packet load_partial(const T* from, Index count) {
    if constexpr (masked) {
      return {detail::masked_load(from, count)};
    } else {
      std::array<T, static_cast<std::size_t>(width)> all{};
      std::copy_n(from, count, all.data());
      return load(all.data());
    }
  }
  static Packet load_partial(const bfloat16* from, Index count) {
    return {detail::load_part_of_bfloat16(from, count, Native())};
  }
  void store_partial(T* to, Index count) const {
    if constexpr (masked) {
      detail::masked_store(to, count, value);
    } else {
      std::array<T, static_cast<std::size_t>(width)> all{};
      store(all.data());
      std::copy_n(all.data(), count, to);
    }
  }
  void store_partial(bfloat16* to, Index count) const {
    detail::store_part_of_bfloat16(to, count, value);
  }

  /// Whether a choice between two is made by a mask, and not by a vector of ones and zeros.
  static constexpr bool selects_by_mask = masked && detail::masked_bytes == 64;

  /// `width` bytes as numbers, and numbers of 0 ... 255 as bytes.
  static Packet load_bytes(const std::uint8_t* from) {
    if constexpr (masked) {
      return {detail::load_bytes(from, T(0))};
    } else {
      std::array<T, static_cast<std::size_t>(width)> all{};
      std::copy_n(from, width, all.data());
      return load(all.data());
    }
  }
  void store_bytes(std::uint8_t* to) const {
    if constexpr (selects_by_mask) {
      detail::store_bytes(to, value);
    } else {
      std::array<T, static_cast<std::size_t>(width)> all{};
      store(all.data());
      std::transform(all.begin(), all.end(), to,
                     [](T element) { return static_cast<std::uint8_t>(element); });
    }
  }

  friend Packet operator+(Packet a, Packet b) { return {Eigen::internal::padd(a.value, b.value)}; }
  friend Packet operator-(Packet a, Packet b) { return {Eigen::internal::psub(a.value, b.value)}; }
  friend Packet operator*(Packet a, Packet b) { return {Eigen::internal::pmul(a.value, b.value)}; }
  friend Packet operator/(Packet a, Packet b) { return {Eigen::internal::pdiv(a.value, b.value)}; }
  friend Packet max(Packet a, Packet b) { return {Eigen::internal::pmax(a.value, b.value)}; }
  friend Packet min(Packet a, Packet b) { return {Eigen::internal::pmin(a.value, b.value)}; }
  friend Packet abs(Packet a) { return {Eigen::internal::pabs(a.value)}; }
  friend Packet floor(Packet a) { return {Eigen::internal::pfloor(a.value)}; }
  friend Packet sqrt(Packet a) { return {Eigen::internal::psqrt(a.value)}; }

  /// For each element: a < b ? yes : no.
  friend Packet select_less(Packet a, Packet b, Packet yes, Packet no) {
    if constexpr (selects_by_mask) {
      return {detail::masked_select_less(a.value, b.value, yes.value, no.value)};
    } else {
      const Native mask = Eigen::internal::pcmp_lt(a.value, b.value);
      return {Eigen::internal::pselect(mask, yes.value, no.value)};
    }
  }

  /// For each element: a == b ? yes : no. NaN equals nothing, not itself either.
  friend Packet select_equal(Packet a, Packet b, Packet yes, Packet no) {
    if constexpr (selects_by_mask) {
      return {detail::masked_select_equal(a.value, b.value, yes.value, no.value)};
    } else {
      const Native mask = Eigen::internal::pcmp_eq(a.value, b.value);
      return {Eigen::internal::pselect(mask, yes.value, no.value)};
    }
  }

  /// The sum and the largest of the elements.
  friend T sum(Packet a) { return Eigen::internal::predux(a.value); }
  friend T max_element(Packet a) { return Eigen::internal::predux_max(a.value); }
};

/// a * b + c, in one rounding where the machine has it.
template <class T>
Packet<T> multiply_add(Packet<T> a, Packet<T> b, Packet<T> c) {
  return {Eigen::internal::pmadd(a.value, b.value, c.value)};
}

/// The same value, in a register: the compiler may load what it has loaded again in each use, where
/// loads are what there are too many of.
template <class T>
Packet<T> in_register(Packet<T> packet) {
  typename Packet<T>::Native value = packet.value;
#if defined(__GNUC__) && defined(__x86_64__)
  asm("" : "+v"(value));
#elif defined(__GNUC__) && defined(__aarch64__)
  asm("" : "+w"(value));
#endif
  return {value};
}

/// The same address, computed where it stands: the compiler would compute those of a whole loop
/// before it, and run out of registers.
template <class T>
T* computed_here(T* address) {
#if defined(__GNUC__)
  asm("" : "+r"(address));
#endif
  return address;
}

/// Exchanges rows and columns of a square of `width` packets.
template <class T>
void transpose(std::array<Packet<T>, static_cast<std::size_t>(Packet<T>::width)>& rows) {
  Eigen::internal::PacketBlock<typename Packet<T>::Native, Packet<T>::width> block;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    block.packet[i] = rows[i].value;
  }
  if constexpr (Packet<T>::width > 1) {
    Eigen::internal::ptranspose(block);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].value = block.packet[i];
  }
}

/// The sums of the elements of `width` packets, each in the lane of its number.
template <class T>
Packet<T> sums_of(std::array<Packet<T>, static_cast<std::size_t>(Packet<T>::width)> packets) {
  transpose(packets);
  auto sums = packets[0];
  for (std::size_t i = 1; i < packets.size(); ++i) {
    sums = sums + packets[i];
  }
  return sums;
}

/// How many vector registers the instruction set names: the size of a register tile.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr Index vector_registers = 32;
#else
inline constexpr Index vector_registers = 16;
#endif

/// Calls body(0), body(1), ... body(N - 1) with constant arguments, so that what it indexes can
/// stay in registers. Always inline: where the compiler thinks better of it, in a large translation
/// unit, a kernel takes three times as long.
template <Index N, class Body>
[[gnu::always_inline]] inline void unroll(const Body& body) {
  [&]<Index... K>(std::integer_sequence<Index, K...>) CNNRNN_INLINE_LAMBDA {
    (body(std::integral_constant<Index, K>{}), ...);
  }
  (std::make_integer_sequence<Index, N>{});
}

CNNRNN_KERNELS_END

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
