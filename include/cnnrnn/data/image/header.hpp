#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// What an image file says of its picture before any of it is decoded.
struct ImageHeader {
  Index width = 0;
  Index height = 0;
  int orientation = 1;  ///< as in EXIF, from 1 to 8: how the picture is to be turned

  Index pixels() const { return width * height; }
};

/// Throws FileError unless there are pixels, and their number fits an Index.
inline void check_sides(const ImageHeader& header, const std::string& name) {
  constexpr Index most = std::numeric_limits<std::int32_t>::max();
  require<FileError>(
      std::min(header.width, header.height) >= 1 && std::max(header.width, header.height) <= most,
      name, ": expected an image of 1 to ", most, " pixels a side, got ", header.width, 'x',
      header.height);
}

}  // namespace data::detail
CNNRNN_NAMESPACE_END
