#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cnnrnn/core/tensor.hpp"
#include "program/png.hpp"

namespace inspect {

using cnnrnn::Index;

struct Colour {
  std::uint8_t red, green, blue;
};

/// A picture whose pixels are transparent until they are painted, so that it stands on any page.
class Picture {
 public:
  Picture(Index height, Index width) : pixels_({height, width, 4}) {
    std::ranges::fill(pixels_.mutable_span(), std::uint8_t{0});
  }

  Index height() const { return pixels_.dim(0); }
  Index width() const { return pixels_.dim(1); }

  void paint(Index row, Index column, Colour colour) {
    const std::uint8_t rgba[]{colour.red, colour.green, colour.blue, 255};
    std::copy_n(rgba, 4, pixels_.mutable_data() + (row * width() + column) * 4);
  }

  /// Puts another picture on this one, its corner at (top, left).
  void place(const Picture& other, Index top, Index left) {
    for (Index row = 0; row < other.height(); ++row) {
      std::copy_n(other.pixels_.data() + row * other.width() * 4, other.width() * 4,
                  pixels_.mutable_data() + ((top + row) * width() + left) * 4);
    }
  }

  /// Draws the outline of a square of `side` pixels, as far as it lies on the picture.
  void frame(Index top, Index left, Index side, Colour colour) {
    const auto dot = [&](Index row, Index column) {
      if (row >= 0 && row < height() && column >= 0 && column < width()) {
        paint(row, column, colour);
      }
    };
    for (Index k = 0; k < side; ++k) {
      dot(top, left + k);
      dot(top + side - 1, left + k);
      dot(top + k, left);
      dot(top + k, left + side - 1);
    }
  }

  /// Every pixel as a square of factor x factor.
  Picture enlarged(Index factor) const {
    Picture result(height() * factor, width() * factor);
    for (Index row = 0; row < result.height(); ++row) {
      for (Index column = 0; column < result.width(); ++column) {
        std::copy_n(pixels_.data() + (row / factor * width() + column / factor) * 4, 4,
                    result.pixels_.mutable_data() + (row * result.width() + column) * 4);
      }
    }
    return result;
  }

  /// Writes a PNG file. Throws FileError.
  void save(const std::string& path) const { program::write_png(path, pixels_); }

 private:
  cnnrnn::Tensor<std::uint8_t> pixels_;  // (height, width, red green blue alpha)
};

/// Two pictures side by side.
inline Picture beside(const Picture& left, const Picture& right) {
  constexpr Index gap = 12;
  Picture both(std::max(left.height(), right.height()), left.width() + gap + right.width());
  both.place(left, 0, 0);
  both.place(right, 0, left.width() + gap);
  return both;
}

/// How often a picture of `size` pixels is enlarged to come near to `wanted`.
inline Index enlargement(Index size, Index wanted) { return std::max<Index>(1, wanted / size); }

}  // namespace inspect
