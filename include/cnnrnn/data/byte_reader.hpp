#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "cnnrnn/core/error.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data::detail {

/// Goes through the bytes of a file from its beginning; every read is checked. `kind` says in
/// messages what the file is.
class ByteReader {
 public:
  ByteReader(std::span<const std::uint8_t> bytes, const std::string& name, std::string kind)
      : rest_(bytes), name_(name), kind_(std::move(kind)) {}

  std::span<const std::uint8_t> rest() const { return rest_; }
  const std::string& name() const { return name_; }

  /// The next bytes. Throws FileError when there are fewer.
  std::span<const std::uint8_t> take(std::size_t count) {
    require<FileError>(rest_.size() >= count, name_, ": expected ", count, " more bytes of ", kind_,
                       ", got ", rest_.size());
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::uint32_t little_endian(std::size_t count) {
    std::uint32_t value = 0;
    const auto bytes = take(count);
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::uint32_t{bytes[i]} << 8 * i;
    }
    return value;
  }

  std::uint8_t byte() { return take(1)[0]; }

 private:
  std::span<const std::uint8_t> rest_;
  const std::string& name_;
  std::string kind_;
};

}  // namespace data::detail
CNNRNN_NAMESPACE_END
