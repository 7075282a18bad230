#pragma once

#include <initializer_list>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Base of everything the library throws. The message holds the contract and what came:
/// `conv2d: expected input channels 32, got (128, 32, 32, 16)`.
class CNNRNN_SHARED Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// The path of the layer that threw it, `stages.0.conv1`, which then begins the message; empty if
  /// no module has told it.
  const std::string& layer() const { return layer_; }
  void set_layer(std::string path) { layer_ = std::move(path); }

 private:
  std::string layer_;
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

namespace detail {

/// Throws an E again, with the path of a layer in front of its message; or returns, if that is not
/// exactly an E.
template <class E>
void throw_from_layer(const Error& error, const std::string& path) {
  if (typeid(error) == typeid(E)) {
    E located(to_message(path, ": ", error.what()));
    located.set_layer(path);
    throw located;
  }
}

/// The same for whichever of the library's errors it is, unless a layer within has done it.
[[noreturn]] inline void rethrow_from_layer(const Error& error, const std::string& path) {
  if (error.layer().empty() && !path.empty()) {
    throw_from_layer<ShapeError>(error, path);
    throw_from_layer<ValueError>(error, path);
    throw_from_layer<NumericError>(error, path);
    throw_from_layer<GraphError>(error, path);
  }
  throw;
}

}  // namespace detail

CNNRNN_NAMESPACE_END
