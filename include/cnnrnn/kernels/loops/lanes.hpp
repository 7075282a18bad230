#pragma once

#include <cstddef>
#include <type_traits>

#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

/// A whole packet at one position of several rows.
template <class T>
struct WholeLanes {
  Index at;
  static constexpr Index count = Packet<T>::width;

  Packet<T> load(const T* row) const { return Packet<T>::load(row + at); }
  /// The same of a row that is long, or followed by the next. Asks for what lies a page further on,
  /// where the processor's own fetching ahead does not reach.
  Packet<T> load_ahead(const T* row) const {
    CNNRNN_PREFETCH(row + at + 4096 / static_cast<Index>(sizeof(T)), 0, 3);
    return load(row);
  }
  void store(T* row, Packet<T> value) const { value.store(row + at); }
  /// The packet that comes `packets` later.
  WholeLanes beside(Index packets) const { return {at + packets * count}; }
};

/// The last elements of the rows, fewer than a packet.
template <class T>
struct PartLanes {
  Index at;
  Index count;

  Packet<T> load(const T* row) const { return Packet<T>::load_partial(row + at, count); }
  Packet<T> load_ahead(const T* row) const { return load(row); }
  void store(T* row, Packet<T> value) const { value.store_partial(row + at, count); }
  PartLanes beside(Index /*packets*/) const { return *this; }
};

/// Calls body(lanes) for all of 0 ... count - 1, a packet at a time: what lanes.load(row) gets and
/// lanes.store(row, value) leaves are the same elements of every row.
template <class T, class Body>
void for_each_lanes(Index count, const Body& body) {
  // A vector store may change anything in memory. From a copy of its own the compiler knows that
  // what the body captured is not it, and need not load that again after each store.
  const Body own = body;
  Index at = 0;
  for (; at + Packet<T>::width <= count; at += Packet<T>::width) {
    own(WholeLanes<T>{at});
  }
  if (at < count) {
    own(PartLanes<T>{at, count - at});
  }
}

/// The same for loops in which each step waits for the one before: calls body(packets, lanes) with
/// the packets that take their steps side by side, lanes.beside(0) ... lanes.beside(packets - 1).
/// `packets` is a constant, so what it counts can stay in registers. All that it calls is inlined:
/// rows may be as short as a packet.
template <class T, class Body>
[[gnu::flatten]] void for_each_lanes_side_by_side(Index count, const Body& body) {
  constexpr Index packets = vector_registers / 8;
  const Body own = body;  // see for_each_lanes
  Index at = 0;
  for (; at + packets * Packet<T>::width <= count; at += packets * Packet<T>::width) {
    own(std::integral_constant<std::size_t, packets>{}, WholeLanes<T>{at});
  }
  for (; at + Packet<T>::width <= count; at += Packet<T>::width) {
    own(std::integral_constant<std::size_t, 1>{}, WholeLanes<T>{at});
  }
  if (at < count) {
    own(std::integral_constant<std::size_t, 1>{}, PartLanes<T>{at, count - at});
  }
}

CNNRNN_KERNELS_END
