#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// The numbers of a TIFF structure, in its byte order. What lies outside of it is 0.
class TiffNumbers {
 public:
  explicit TiffNumbers(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), big_endian_(!bytes.empty() && bytes[0] == 'M') {}

  std::size_t at(std::size_t position, std::size_t count) const {
    if (position > bytes_.size() || count > bytes_.size() - position) {
      return 0;
    }
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes_[position + (big_endian_ ? i : count - 1 - i)];
    }
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool big_endian_;
};

/// The orientation, from 1 to 8, that the first directory of EXIF's TIFF structure has
/// (CIPA DC-008, 4.6.5); 1, upright, when there is none or anything is wrong with it.
inline int exif_orientation(std::span<const std::uint8_t> tiff) {
  const TiffNumbers numbers(tiff);
  const std::size_t order = numbers.at(0, 2);
  if ((order != 0x4949 && order != 0x4d4d) || numbers.at(2, 2) != 42) {
    return 1;
  }
  const std::size_t directory = numbers.at(4, 4);
  const std::size_t entries = numbers.at(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (numbers.at(entry, 2) == 0x0112) {
      constexpr std::size_t is_long = 4;
      const std::size_t value = numbers.at(entry + 8, numbers.at(entry + 2, 2) == is_long ? 4 : 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  }
  return 1;
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
