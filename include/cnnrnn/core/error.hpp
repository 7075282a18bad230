#pragma once

#include <initializer_list>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Base of everything the library throws. The message holds the contract and what came:
/// `conv2d: expected input channels 32, got (128, 32, 32, 16)`.
class CNNRNN_SHARED Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// The path of the layer that threw it, `stages.0.conv1`; empty if no module has told it.
  const std::string& layer() const { return layer_; }

  /// Puts the path of a layer in front of the message.
  void set_layer(const std::string& path) {
    layer_ = path;
    located_ = path + ": " + std::runtime_error::what();
  }

  /// The message, behind the path of the layer if there is one.
  const char* what() const noexcept override {
    return layer_.empty() ? std::runtime_error::what() : located_.c_str();
  }

 private:
  std::string layer_, located_;
};

/// A tensor's shape does not fit the operation.
class CNNRNN_SHARED ShapeError : public Error {
 public:
  using Error::Error;
};

/// An option or argument is outside its range.
class CNNRNN_SHARED ValueError : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable, truncated or not what it should be; or writing one failed.
class CNNRNN_SHARED FileError : public Error {
 public:
  using Error::Error;
};

/// The gradient graph is used against its rules: freed twice, or a saved tensor was changed.
class CNNRNN_SHARED GraphError : public Error {
 public:
  using Error::Error;
};

/// A value that must be finite is not.
class CNNRNN_SHARED NumericError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// One part of a message and how it is written: messages of any parts share the code that joins
/// them, which a program would else compile hundreds of times.
class MessagePart {
 public:
  template <class Part>
  requires(!std::is_array_v<Part>) MessagePart(const Part& part)  // NOLINT: parts come as they are
      : part_(&part),
        write_([](std::ostream& out, const void* it) { out << *static_cast<const Part*>(it); }) {}
  MessagePart(const char* text)  // NOLINT
      : part_(text),
        write_([](std::ostream& out, const void* it) { out << static_cast<const char*>(it); }) {}

  friend std::ostream& operator<<(std::ostream& out, const MessagePart& part) {
    part.write_(out, part.part_);
    return out;
  }

 private:
  const void* part_;
  void (*write_)(std::ostream&, const void*);
};

inline std::string join(std::initializer_list<MessagePart> parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  for (const MessagePart& part : parts) {
    out << part;
  }
  return out.str();
}

template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<MessagePart> parts) {
  throw E(join(parts));
}

}  // namespace detail

/// Joins anything that can be streamed into one string, with C's numbers whatever the locale.
template <class... Parts>
std::string to_message(const Parts&... parts) {
  return detail::join({parts...});
}

/// Throws E with the joined parts as message unless `holds`; the parts are formatted only then.
template <class E, class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]] {
    detail::fail<E>({parts...});
  }
}

CNNRNN_NAMESPACE_END
