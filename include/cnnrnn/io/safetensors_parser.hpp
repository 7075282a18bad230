#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/core/shape.hpp"

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
  std::vector<TensorEntry> entries;
  std::map<std::string, std::string> metadata;
};

using Json = nlohmann::json;

/// JSON of a file as a line of an error message can hold it.
inline std::string dumped(const Json& json, std::size_t most = 80) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > most) {
    text.resize(most);
    text += "...";
  }
  return text;
}

/// Text of a file as a line of an error message can hold it.
inline std::string quoted(const std::string& text, std::size_t most = 80) {
  return dumped(Json(text.substr(0, most + 1)), most);
}

/// Takes a header's JSON token by token, and stops at the first that has no place in it: what is
/// kept is never much more than what a right header of that length holds.
class HeaderParser : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderParser(const std::string& path) : path_(path) {}

  Header take() { return std::move(header_); }

  bool null() override { return refuse("null"); }
  bool boolean(bool value) override { return refuse(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return refuse(to_message(value)); }
  bool number_float(number_float_t, const string_t& text) override {
    return refuse(detail::quoted(text));
  }
  bool binary(binary_t&) override { return refuse("bytes"); }

  bool number_unsigned(number_unsigned_t value) override {
    const bool in_array = place_ == Place::shape || place_ == Place::offsets;
    if (!in_array || value > std::numeric_limits<std::int64_t>::max()) {
      return refuse(to_message(value));
    }
    numbers_.push_back(value);
    expect(place_ == Place::offsets || std::ssize(numbers_) <= Shape::max_rank,
           ": expected at most ", Shape::max_rank, " dimensions, got more");
    expect(place_ == Place::shape || numbers_.size() <= 2, form, ", got more offsets");
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      check_new(header_.metadata.emplace(key_, std::move(value)).second);
    } else if (place_ == Place::tensor && key_ == "dtype") {
      header_.entries.back().type = std::move(value);
    } else {
      return refuse(detail::quoted(value));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::header;
    } else if (place_ == Place::header && key_ == "__metadata__") {
      place_ = Place::metadata;
    } else if (place_ == Place::header) {
      place_ = Place::tensor;
      header_.entries.emplace_back().name = key_;
      fields_.clear();
    } else {
      return refuse("an object");
    }
    return true;
  }

  bool key(string_t& value) override {
    key_ = std::move(value);
    if (place_ == Place::header) {
      check_new(names_.insert(key_).second);
    } else if (place_ == Place::tensor) {
      expect(key_ == "dtype" || key_ == "shape" || key_ == "data_offsets", form, ", got ",
             quoted(key_));
      check_new(fields_.insert(key_).second);
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      expect(fields_.size() == 3, form, ", got ", fields_.size(), " of them");
    }
    place_ = place_ == Place::header ? Place::outside : Place::header;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") {
      return refuse("an array");
    }
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    TensorEntry& entry = header_.entries.back();
    if (place_ == Place::shape) {
      entry.dims.assign(numbers_.begin(), numbers_.end());
    } else {
      expect(numbers_.size() == 2, form, ", got ", numbers_.size(), " offsets");
      entry.begin = numbers_[0];
      entry.end = numbers_[1];
    }
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail(": expected JSON as header, got ", std::string(error.what()).substr(0, 200));
  }

 private:
  /// The innermost object or array that the parser is in.
  enum class Place { outside, header, metadata, tensor, shape, offsets };

  static constexpr const char* form = ": expected dtype, shape and two data_offsets";

  [[noreturn]] bool refuse(const std::string& got) const {
    if (place_ == Place::metadata) {
      fail(": __metadata__ ", quoted(key_), ": expected a string, got ", got);
    } else if (place_ == Place::header && key_ == "__metadata__") {
      fail(": expected an object as __metadata__, got ", got);
    } else if (place_ == Place::header || place_ == Place::tensor) {
      fail(": tensor ", quoted(place_ == Place::header ? key_ : tensor()), form, ", got ", got);
    } else {
      fail(": tensor ", quoted(tensor()), ": expected a whole number of 0 or more, got ", got);
    }
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FileError(to_message(path_, parts...));
  }

  template <class... Parts>
  void expect(bool holds, const Parts&... parts) const {
    if (!holds) {
      fail(": tensor ", quoted(tensor()), parts...);
    }
  }

  void check_new(bool is_new) const {
    if (!is_new) {
      fail(": expected every name once in the header, got ", quoted(key_), " twice");
    }
  }

  const std::string& tensor() const { return header_.entries.back().name; }

  const std::string& path_;
  Header header_;
  Place place_ = Place::outside;
  std::string key_;
  std::set<std::string> names_;
  std::set<std::string> fields_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace io::detail
CNNRNN_NAMESPACE_END
