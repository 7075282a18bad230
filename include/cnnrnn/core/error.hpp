#pragma once

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Base of everything the library throws. The message holds the contract and what came:
/// `conv2d: expected input channels 32, got (128, 32, 32, 16)`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A tensor's shape does not fit the operation.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An option or argument is outside its range.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable, truncated or not what it should be; or writing one failed.
class FileError : public Error {
 public:
  using Error::Error;
};

/// The gradient graph is used against its rules: freed twice, or a saved tensor was changed.
class GraphError : public Error {
 public:
  using Error::Error;
};

/// A value that must be finite is not.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// Joins anything that can be streamed into one string, with C's numbers whatever the locale.
template <class... Parts>
std::string to_message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

/// Throws E with the joined parts as message unless `holds`; the parts are formatted only then.
template <class E, class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]] {
    throw E(to_message(parts...));
  }
}

CNNRNN_NAMESPACE_END
