#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/picture.hpp"

namespace inspect {

/// Equal tiles in rows and columns, numbered above and on the left: from 0 on, or the rows as it is
/// told.
class Sheet {
 public:
  Sheet(Index rows, Index columns, Index tile_height, Index tile_width)
      : Sheet(counted(rows), columns, tile_height, tile_width) {}

  Sheet(const std::vector<Index>& rows, Index columns, Index tile_height, Index tile_width)
      : step_({tile_height + gap, tile_width + gap}),
        left_(left_margin(rows)),
        picture_(margin + std::ssize(rows) * step_.h, left_ + columns * step_.w) {
    for (Index row = 0; row < std::ssize(rows); ++row) {
      write(rows[static_cast<std::size_t>(row)], margin + row * step_.h + tile_height / 2,
            left_ / 2);
    }
    for (Index column = 0; column < columns; ++column) {
      write(column, margin / 2, left_ + column * step_.w + tile_width / 2);
    }
  }

  void place(const Picture& tile, Index row, Index column) {
    picture_.place(tile, margin + row * step_.h, left_ + column * step_.w);
  }

  const Picture& picture() const { return picture_; }

 private:
  static constexpr Index gap = 4;
  static constexpr Index margin = 20;
  static constexpr Index dot = 2;  // pixels of a digit's dot, of which it has 3 x 5
  static constexpr Index digit_height = 5 * dot;
  static constexpr Index pitch = 4 * dot;
  static constexpr Colour ink{128, 128, 128};  // is read on white and on black

  static constexpr std::array<std::string_view, 10> digits{
      "####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####",
      "#.##.####..#..#", "####..###..####", "####..####.####", "###..#..#..#..#",
      "####.#####.####", "####.####..####"};

  static std::vector<Index> counted(Index count) {
    std::vector<Index> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), Index{0});
    return numbers;
  }

  /// Room for the longest number.
  static Index left_margin(const std::vector<Index>& numbers) {
    Index room = margin;
    for (const Index number : numbers) {
      room = std::max(room, std::ssize(std::to_string(number)) * pitch + dot);
    }
    return room;
  }

  /// Writes a number around a point.
  void write(Index number, Index row, Index column) {
    const std::string text = std::to_string(number);
    const Index top = row - digit_height / 2;
    Index left = column - (std::ssize(text) * pitch - dot) / 2;
    for (const char character : text) {
      const std::string_view dots = digits[static_cast<std::size_t>(character - '0')];
      for (Index y = 0; y < digit_height; ++y) {
        for (Index x = 0; x < 3 * dot; ++x) {
          if (dots[static_cast<std::size_t>(y / dot * 3 + x / dot)] == '#') {
            picture_.paint(top + y, left + x, ink);
          }
        }
      }
      left += pitch;
    }
  }

  cnnrnn::Size2d step_;
  Index left_;
  Picture picture_;
};

}  // namespace inspect
