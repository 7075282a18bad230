#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// The bytes of the character that `text` begins with, or 0 if it is none in UTF-8 (RFC 3629).
inline std::size_t utf8_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    // Behind some first bytes, the second one has a narrower range: no character in two ways, no
    // halves of UTF-16's pairs, nothing above U+10FFFF.
    const int least = i > 1 ? 0x80 : first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const int most = i > 1 ? 0xbf : first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (byte(i) < least || byte(i) > most) {
      return 0;
    }
  }
  return length;
}

/// Whether a character of UTF-8 is an order to a terminal: U+0000 to U+001F, save the tab, and
/// U+007F to U+009F.
inline bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  return (first < 0x20 && first != '\t') || first == 0x7f ||
         (first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
}

}  // namespace detail

/// The text as one line that is safe to print: line breaks as `\n`, other control characters and
/// bytes that are not UTF-8 as `\x1b`.
inline std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  while (!text.empty()) {
    const std::size_t length = detail::utf8_bytes(text);
    const auto character = text.substr(0, length == 0 ? 1 : length);
    if (length > 0 && !detail::is_control(character)) {
      line += character;
    } else if (character == "\n") {
      line += "\\n";
    } else {
      for (const char c : character) {
        const auto byte = static_cast<unsigned char>(c);
        line += {'\\', 'x', digits[byte / 16U], digits[byte % 16U]};
      }
    }
    text.remove_prefix(character.size());
  }
  return line;
}

/// Whether the text is UTF-8 without control characters: what `printable` leaves as it is.
inline bool is_printable(std::string_view text) { return printable(text) == text; }

CNNRNN_NAMESPACE_END
