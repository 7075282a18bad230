#pragma once

#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace detail {

/// Checks the lengths of N sequences of at most T steps; none are those of sequences that all have
/// T. Throws ShapeError for another number of them and ValueError for one out of range, for the
/// operation `name`.
inline void check_lengths(const char* name, Index n, Index t, const std::vector<Index>& lengths) {
  require<ShapeError>(lengths.empty() || std::ssize(lengths) == n, name, ": expected ", n,
                      " lengths, got ", lengths.size());
  for (const Index length : lengths) {
    require<ValueError>(length >= 1 && length <= t, name, ": expected lengths from 1 to ", t,
                        ", got ", length);
  }
}

}  // namespace detail
CNNRNN_NAMESPACE_END
