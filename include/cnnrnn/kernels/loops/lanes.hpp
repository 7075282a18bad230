#pragma once

#include <cstddef>
#include <type_traits>

#include "cnnrnn/core/simd.hpp"

CNNRNN_KERNELS_BEGIN

// Rows of bfloat16 have lanes of float, Accumulator<bfloat16>, which load from rows of both.

/// A whole packet at one position of several rows.
template <class T>
struct WholeLanes {
  Index at;
  static constexpr Index count = Packet<T>::width;

  template <class Element>
  Packet<T> load(const Element* row) const {
    return Packet<T>::load(row + at);
  }
  /// The same of a row that is long, or followed by the next. Asks for what lies a page further on,
  /// where the processor's own fetching ahead does not reach.
  template <class Element>
  Packet<T> load_ahead(const Element* row) const {
    CNNRNN_PREFETCH(row + at + 4096 / static_cast<Index>(sizeof(Element)), 0, 3);
    return load(row);
  }
  template <class Element>
  void store(Element* row, Packet<T> value) const {
    value.store(row + at);
  }
  /// The packet that comes `packets` later.
  WholeLanes beside(Index packets) const { return {at + packets * count}; }
};

/// The last elements of the rows, fewer than a packet.
template <class T>
struct PartLanes {
  Index at;
  Index count;

  template <class Element>
  Packet<T> load(const Element* row) const {
    return Packet<T>::load_partial(row + at, count);
  }
  template <class Element>
  Packet<T> load_ahead(const Element* row) const {
    return load(row);
  }
  template <class Element>
  void store(Element* row, Packet<T> value) const {
    value.store_partial(row + at, count);
  }
  PartLanes beside(Index /*packets*/) const { return *this; }
};

/// Calls body(lanes) for all of 0 ... count - 1, a packet at a time: what lanes.load(row) gets and
/// lanes.store(row, value) leaves are the same elements of every row.
template <class T, class Body>
void for_each_lanes(Index count, const Body& body) {
  // A vector store may change anything in memory. From a copy of its own the compiler knows that
  // what the body captured is not it, and need not load that again after each store.
  const Body own = body;
  using A = Accumulator<T>;
  Index at = 0;
  for (; at + Packet<A>::width <= count; at += Packet<A>::width) {
    own(WholeLanes<A>{at});
  }
  if (at < count) {
    own(PartLanes<A>{at, count - at});
  }
}

/// The same for loops in which each step waits for the one before: calls body(packets, lanes) with
/// the packets that take their steps side by side, lanes.beside(0) ... lanes.beside(packets - 1).
/// `packets` is a constant, so what it counts can stay in registers. All that it calls is inlined:
/// rows may be as short as a packet.
template <class T, class Body>
[[gnu::flatten]] void for_each_lanes_side_by_side(Index count, const Body& body) {
  constexpr Index packets = vector_registers / 8;
  using A = Accumulator<T>;
  const Body own = body;  // see for_each_lanes
  Index at = 0;
  for (; at + packets * Packet<A>::width <= count; at += packets * Packet<A>::width) {
    own(std::integral_constant<std::size_t, packets>{}, WholeLanes<A>{at});
  }
  for (; at + Packet<A>::width <= count; at += Packet<A>::width) {
    own(std::integral_constant<std::size_t, 1>{}, WholeLanes<A>{at});
  }
  if (at < count) {
    own(std::integral_constant<std::size_t, 1>{}, PartLanes<A>{at, count - at});
  }
}

CNNRNN_KERNELS_END
