#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train::detail {

/// A number with so many digits after the point, whatever the locale.
inline std::string fixed(double value, int digits) {
  std::array<char, 400> text{};  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits)
          .ptr;
  return {text.data(), end};
}

/// A time for people: 7 s, 2:05, 1:02:05.
inline std::string duration(double seconds) {
  constexpr double most = 360'000;  // 100 hours: nobody reads on
  const auto all = static_cast<Index>(std::lround(std::clamp(seconds, 0.0, most)));
  if (all < 60) {
    return to_message(all, " s");
  }
  const auto two_digits = [](Index number) { return to_message(number < 10 ? "0" : "", number); };
  const Index minutes = all / 60;
  const std::string rest = ':' + two_digits(all % 60);
  return minutes < 60 ? to_message(minutes, rest)
                      : to_message(minutes / 60, ':', two_digits(minutes % 60), rest);
}

}  // namespace train::detail
CNNRNN_NAMESPACE_END
