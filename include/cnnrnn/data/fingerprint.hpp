#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// A number that all but certainly differs for data sets that differ in an image, a label or the
/// name of a class.
inline std::uint64_t fingerprint(const ImageDataset& dataset) {
  std::uint64_t hash = 0x9e3779b97f4a7c15U;
  const auto take = [&hash](std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
      hash = std::rotl((hash ^ word) * 0xff51afd7ed558ccdU, 29);
    }
    hash ^= bytes.size();
  };
  for (const Index size : {dataset.size(), dataset.height(), dataset.width(), dataset.channels()}) {
    take(std::as_bytes(std::span(&size, 1)));
  }
  take(std::as_bytes(dataset.images.span()));
  take(std::as_bytes(dataset.labels.span()));
  for (const std::string& name : dataset.class_names) {
    take(std::as_bytes(std::span(name)));
  }
  return hash;
}

}  // namespace data
CNNRNN_NAMESPACE_END
