#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/io/file.hpp"
#include "cnnrnn/io/safetensors_parser.hpp"

// The header of a safetensors file: its length in 8 bytes, little-endian, then JSON such as
//   {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3],
//    "data_offsets": [0, 24]}}
// with offsets from the end of the header.

CNNRNN_NAMESPACE_BEGIN
namespace io::detail {

/// Each tensor begins where the one before it ends, and the last ends with the file.
inline void check_layout(const std::string& path, std::vector<TensorEntry>& entries,
                         std::uint64_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t position = 0;
  for (const auto& entry : entries) {
    require<FileError>(entry.begin == position && entry.end >= position && entry.end <= data_size,
                       path, ": tensor ", quoted(entry.name), ": expected data from byte ",
                       position, " to at most ", data_size, ", got ", entry.begin, " to ",
                       entry.end);
    position = entry.end;
  }
  require<FileError>(position == data_size, path, ": expected ", position,
                     " bytes of data after the header, got ", data_size);
}

inline Header parse_header(const std::string& path, const std::string& text) {
  // The parser passes over a byte order mark and takes a zero byte for the end.
  require<FileError>(text.starts_with('{') && text.find('\0') == std::string::npos, path,
                     ": expected a JSON object as header, got other text");
  HeaderParser parser(path);
  Json::sax_parse(text, &parser);
  return parser.take();
}

/// Reads and checks everything in front of the data.
inline Header read_header(InputFile& file) {
  constexpr std::uint64_t longest = 4'000'000;  // tens of thousands of tensors
  const std::string& path = file.path();
  std::array<std::byte, 8> prefix{};
  require<FileError>(file.size() >= prefix.size(), path,
                     ": expected a safetensors file of at least 8 bytes, got ", file.size());
  file.read(prefix);
  const auto length = std::bit_cast<std::uint64_t>(prefix);
  const std::uint64_t rest = file.size() - prefix.size();
  require<FileError>(length <= rest && length <= longest, path,
                     ": expected a safetensors header of at most ", std::min(rest, longest),
                     " bytes, got ", length);
  std::string text(length, ' ');
  file.read(std::as_writable_bytes(std::span(text.data(), text.size())));
  Header header = parse_header(path, text);
  check_layout(path, header.entries, rest - length);
  return header;
}

/// The shape of an entry whose bytes hold at most `most` elements.
inline Shape checked_shape(const std::string& path, const TensorEntry& entry, std::uint64_t most) {
  std::uint64_t size = 1;
  for (const Index dim : entry.dims) {
    const auto factor = static_cast<std::uint64_t>(dim);
    require<FileError>(factor == 0 || size <= std::numeric_limits<std::int64_t>::max() / factor,
                       path, ": tensor ", quoted(entry.name),
                       ": expected fewer than 2^63 elements, got ", size, " times ", dim);
    size *= factor;
  }
  require<FileError>(size <= most, path, ": tensor ", quoted(entry.name), ": expected at most ",
                     most, " elements in ", entry.end - entry.begin, " bytes, got ", size);
  return Shape(entry.dims);
}

/// Makes the header of a file whose tensors follow each other in the order of add().
class HeaderText {
 public:
  void add(const std::string& name, const char* type, const Shape& shape, std::uint64_t bytes) {
    const auto dims = shape.dims();
    json_[name] = {{"dtype", type},
                   {"shape", std::vector<Index>(dims.begin(), dims.end())},
                   {"data_offsets", {position_, position_ + bytes}}};
    position_ += bytes;
  }

  /// The length and the JSON, padded with spaces to a multiple of 8 bytes.
  std::string finish(const std::string& path, const std::map<std::string, std::string>& metadata) {
    if (!metadata.empty()) {
      json_["__metadata__"] = metadata;
    }
    std::string text;
    try {
      text = json_.dump();
    } catch (const Json::exception& error) {
      throw ValueError(
          to_message(path, ": expected names and metadata in UTF-8, got ", error.what()));
    }
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{text.size()});
    return std::string(length.begin(), length.end()) + text;
  }

 private:
  Json json_ = Json::object();
  std::uint64_t position_ = 0;
};

}  // namespace io::detail
CNNRNN_NAMESPACE_END
