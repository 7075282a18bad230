#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Book-keeping of large stretches of memory, the segments, from which blocks are cut: a training
/// step frees large blocks and then asks for several smaller ones, or the other way round. A block
/// is cut from the smallest free piece that holds it, of equal ones from that which was freed last,
/// whose memory may still be in a cache; the rest of a cut counts as never freed. Freed pieces that
/// touch become one again.
class Segments {
 public:
  /// A stretch of memory from the system.
  struct Segment {
    void* memory;      ///< its first byte
    std::size_t size;  ///< in bytes
  };

  /// A new segment, all of it one block in use. Throws std::bad_alloc.
  void add(void* memory, std::size_t size) {
    pieces_.emplace(static_cast<std::byte*>(memory), Piece{size, true, 0, new_entry()});
  }

  /// A block of `size` bytes, or a few more; null if no free piece is large enough. Throws
  /// std::bad_alloc.
  void* take(std::size_t size) {
    const auto best = free_.lower_bound({size, std::numeric_limits<std::uint64_t>::max(), nullptr});
    if (best == free_.end()) {
      return nullptr;
    }
    const auto piece = pieces_.find(best->begin);
    if (piece->second.size - size >= smallest) {
      auto entry = new_entry();
      const auto rest = pieces_.emplace_hint(std::next(piece), best->begin + size,
                                             Piece{piece->second.size - size, false, 0, Entry()});
      insert_free(rest, std::move(entry));
      piece->second.size = size;
    }
    piece->second.entry = free_.extract(best);
    return piece->first;
  }

  /// Takes back a block; returns its size.
  std::size_t put(void* block) noexcept {
    auto piece = pieces_.find(static_cast<std::byte*>(block));
    const std::size_t size = piece->second.size;
    Entry entry = std::move(piece->second.entry);
    join_with_next(piece);
    if (!piece->second.first && is_free(std::prev(piece))) {
      piece = std::prev(piece);
      free_.erase(key(piece));
      join_with_next(piece);
    }
    piece->second.freed = ++frees_;
    insert_free(piece, std::move(entry));
    return size;
  }

  /// The size of a block in use, in bytes.
  std::size_t size_of(void* block) const {
    return pieces_.find(static_cast<std::byte*>(block))->second.size;
  }

  /// Forgets a segment in which no block is in use, for its memory to be freed; none if there is no
  /// such segment.
  std::optional<Segment> remove_free() noexcept {
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece) {
      const auto next = std::next(piece);
      const bool whole = piece->second.first && (next == pieces_.end() || next->second.first);
      if (whole && is_free(piece)) {
        const Segment segment{piece->first, piece->second.size};
        free_.erase(key(piece));
        pieces_.erase(piece);
        return segment;
      }
    }
    return std::nullopt;
  }

 private:
  /// A free piece in the order in which they are chosen: by size, then the last freed first.
  struct FreePiece {
    std::size_t size;
    std::uint64_t freed;
    std::byte* begin;

    friend bool operator<(const FreePiece& a, const FreePiece& b) {
      return std::tie(a.size, b.freed, a.begin) < std::tie(b.size, a.freed, b.begin);
    }
  };
  using FreePieces = std::set<FreePiece>;
  using Entry = FreePieces::node_type;

  struct Piece {
    std::size_t size;
    bool first;           // of its segment
    std::uint64_t freed;  // the count of puts when it was freed
    Entry entry;          // of a block in use, so that putting it back needs no memory
  };
  using Pieces = std::map<std::byte*, Piece>;  // by address; a few hundred

  static constexpr std::size_t smallest = std::size_t{1} << 16;  // piece that is worth a cut

  static Entry new_entry() {
    FreePieces one{FreePiece{}};
    return one.extract(one.begin());
  }

  static bool is_free(Pieces::const_iterator piece) { return piece->second.entry.empty(); }
  static FreePiece key(Pieces::const_iterator piece) {
    return {piece->second.size, piece->second.freed, piece->first};
  }
  void insert_free(Pieces::const_iterator piece, Entry entry) noexcept {
    entry.value() = key(piece);
    free_.insert(std::move(entry));
  }

  /// A piece that is not among the free ones takes in the one behind it if that is free.
  void join_with_next(Pieces::iterator piece) noexcept {
    const auto next = std::next(piece);
    if (next != pieces_.end() && is_free(next) && !next->second.first) {
      piece->second.size += next->second.size;
      free_.erase(key(next));
      pieces_.erase(next);
    }
  }

  Pieces pieces_;
  FreePieces free_;
  std::uint64_t frees_ = 0;
};

CNNRNN_NAMESPACE_END
