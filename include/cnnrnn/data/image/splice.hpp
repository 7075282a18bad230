#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// Bytes of a file, and what stands in their place.
struct Splice {
  std::size_t at;
  std::size_t removed;
  std::vector<std::uint8_t> added;
};

/// The file with splices that stand in their order and inside it.
inline std::vector<std::uint8_t> spliced(std::span<const std::uint8_t> bytes,
                                         std::span<const Splice> splices) {
  std::vector<std::uint8_t> result;
  std::size_t size = bytes.size();
  for (const Splice& splice : splices) {
    size = size + splice.added.size() - splice.removed;
  }
  result.reserve(size);
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t end) {
    const auto part = bytes.subspan(at, end - at);
    result.insert(result.end(), part.begin(), part.end());
  };
  for (const Splice& splice : splices) {
    copy_until(splice.at);
    result.insert(result.end(), splice.added.begin(), splice.added.end());
    at = splice.at + splice.removed;
  }
  copy_until(bytes.size());
  return result;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
