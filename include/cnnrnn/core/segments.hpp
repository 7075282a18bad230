#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Book-keeping of large stretches of memory, the segments, from which blocks are cut: a training
/// step frees large blocks and then asks for several smaller ones, or the other way round. A block
/// is cut from the smallest free piece that holds it; freed pieces that touch become one again.
class Segments {
 public:
  struct Segment {
    void* memory;
    std::size_t size;
  };

  /// A new segment, all of it one block in use. Throws std::bad_alloc.
  void add(void* memory, std::size_t size) {
    pieces_.emplace(static_cast<std::byte*>(memory), Piece{size, true, false});
  }

  /// A block of `size` bytes, or a few more; null if no free piece is large enough.
  void* take(std::size_t size) {
    auto best = pieces_.end();
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece) {
      if (piece->second.free && piece->second.size >= size &&
          (best == pieces_.end() || piece->second.size < best->second.size)) {
        best = piece;
      }
    }
    if (best == pieces_.end()) {
      return nullptr;
    }
    if (best->second.size - size >= smallest) {
      pieces_.emplace_hint(std::next(best), best->first + size,
                           Piece{best->second.size - size, false, true});
      best->second.size = size;
    }
    best->second.free = false;
    return best->first;
  }

  /// Takes back a block; returns its size.
  std::size_t put(void* block) noexcept {
    auto piece = pieces_.find(static_cast<std::byte*>(block));
    const std::size_t size = piece->second.size;
    piece->second.free = true;
    join_with_next(piece);
    if (!piece->second.first) {
      join_with_next(std::prev(piece));
    }
    return size;
  }

  std::size_t size_of(void* block) const {
    return pieces_.find(static_cast<std::byte*>(block))->second.size;
  }

  /// Forgets a segment in which no block is in use, for its memory to be freed; none if there is no
  /// such segment.
  std::optional<Segment> remove_free() noexcept {
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++piece) {
      const auto next = std::next(piece);
      const bool whole = piece->second.first && (next == pieces_.end() || next->second.first);
      if (whole && piece->second.free) {
        const Segment segment{piece->first, piece->second.size};
        pieces_.erase(piece);
        return segment;
      }
    }
    return std::nullopt;
  }

 private:
  struct Piece {
    std::size_t size;
    bool first;  // of its segment
    bool free;
  };
  using Pieces = std::map<std::byte*, Piece>;  // by address; a few hundred

  static constexpr std::size_t smallest = std::size_t{1} << 16;  // piece that is worth a cut

  void join_with_next(Pieces::iterator piece) noexcept {
    const auto next = std::next(piece);
    if (next != pieces_.end() && piece->second.free && next->second.free && !next->second.first) {
      piece->second.size += next->second.size;
      pieces_.erase(next);
    }
  }

  Pieces pieces_;
};

CNNRNN_NAMESPACE_END
