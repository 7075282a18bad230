#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/io/file.hpp"

// The header of a safetensors file: its length in 8 bytes, little-endian, then JSON such as
//   {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3],
//    "data_offsets": [0, 24]}}
// with offsets from the end of the header.

CNNRNN_NAMESPACE_BEGIN
namespace io::detail {

/// What a header says about one tensor.
struct TensorEntry {
  std::string name;
  std::string type;
  std::vector<Index> dims;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::vector<TensorEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

using Json = nlohmann::json;

/// Text of a file as a line of an error message can hold it.
inline std::string quoted(const std::string& text, std::size_t most = 80) {
  const std::string all = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return all.size() <= most ? all : all.substr(0, most) + "...";
}

/// Parses the header's JSON; the parser alone would let the last of several equal names win.
inline Json parse_header(const std::string& path, const std::string& text) {
  constexpr int deepest = 3;  // the header, a tensor, its shape
  std::array<std::set<std::string>, deepest + 1> names;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    require<FileError>(!opens || depth < deepest, path, ": expected a header of ", deepest,
                       " levels, got more");
    if (opens) {
      names[static_cast<std::size_t>(depth) + 1].clear();
    } else if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      require<FileError>(names[static_cast<std::size_t>(depth)].insert(name).second, path,
                         ": expected every name once in the header, got ", quoted(name), " twice");
    }
    return true;
  };
  // The parser passes over a byte order mark and takes a zero byte for the end.
  require<FileError>(text.starts_with('{') && text.find('\0') == std::string::npos, path,
                     ": expected a JSON object as header");
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    throw FileError(to_message(path, ": expected JSON as header, got ",
                               std::string(error.what()).substr(0, 200)));
  }
}

inline std::uint64_t checked_number(const std::string& path, const std::string& name,
                                    const Json& value) {
  require<FileError>(value.is_number_unsigned() &&
                         value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max(),
                     path, ": tensor ", quoted(name),
                     ": expected a whole number of 0 or more, got ", quoted(value.dump()));
  return value.get<std::uint64_t>();
}

inline TensorEntry parse_entry(const std::string& path, const std::string& name,
                               const Json& value) {
  require<FileError>(value.is_object() && value.size() == 3 && value.contains("dtype") &&
                         value.contains("shape") && value.contains("data_offsets") &&
                         value["dtype"].is_string() && value["shape"].is_array() &&
                         value["data_offsets"].is_array() && value["data_offsets"].size() == 2,
                     path, ": tensor ", quoted(name),
                     ": expected dtype, shape and two data_offsets");
  TensorEntry entry;
  entry.name = name;
  entry.type = value["dtype"].get<std::string>();
  require<FileError>(value["shape"].size() <= static_cast<std::size_t>(Shape::max_rank), path,
                     ": tensor ", quoted(name), ": expected at most ", Shape::max_rank,
                     " dimensions, got ", value["shape"].size());
  for (const auto& dim : value["shape"]) {
    entry.dims.push_back(static_cast<Index>(checked_number(path, name, dim)));
  }
  entry.begin = checked_number(path, name, value["data_offsets"][0]);
  entry.end = checked_number(path, name, value["data_offsets"][1]);
  return entry;
}

inline std::map<std::string, std::string> parse_metadata(const std::string& path,
                                                         const Json& value) {
  require<FileError>(value.is_object(), path, ": expected an object as __metadata__");
  std::map<std::string, std::string> metadata;
  for (const auto& [name, text] : value.items()) {
    require<FileError>(text.is_string(), path, ": __metadata__ ", quoted(name),
                       ": expected a string");
    metadata.emplace(name, text.get<std::string>());
  }
  return metadata;
}

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

/// Reads and checks everything in front of the data.
inline Header read_header(InputFile& file) {
  constexpr std::uint64_t longest = 100'000'000;  // the limit of the format's own implementation
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
  const Json json = parse_header(path, text);
  Header header;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(path, value);
    } else {
      header.entries.push_back(parse_entry(path, name, value));
    }
  }
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
                       ": expected fewer than 2^63 elements");
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
