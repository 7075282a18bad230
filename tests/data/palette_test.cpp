#include "cnnrnn/data/image/mended.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cnnrnn/data/image.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::string number(std::size_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> 8 * i & 0xff);
  }
  return text;
}

std::string reversed(const std::string& text) { return {text.rbegin(), text.rend()}; }

std::string chunk(std::string_view type, const std::string& data) {
  return reversed(number(data.size(), 4)) + std::string(type) + data + std::string(4, '\0');
}

/// A PNG of one row, one byte a pixel, in a block that deflate did not pack.
Bytes png(const std::string& palette, const std::string& pixels, const std::string& more = "") {
  const std::string row = std::string(1, '\0') + pixels;
  const std::string file =
      std::string(data::detail::png_signature) +
      chunk("IHDR", reversed(number(pixels.size(), 4)) + std::string("\0\0\0\1\10\3\0\0\0", 9)) +
      chunk("PLTE", palette) + more +
      chunk("IDAT", "\x78\1\1" + number(row.size(), 2) + number(0xffff - row.size(), 2) + row +
                        std::string(4, '\0')) +
      chunk("IEND", "");
  return {file.begin(), file.end()};
}

/// A BMP of one row, one byte a pixel. A colour is blue, green, red, and in the second form of the
/// header a fourth byte.
Bytes bmp(bool first_form, const std::string& palette, const std::string& pixels) {
  const int size = first_form ? 2 : 4;
  const std::string header = number(first_form ? 12 : 40, 4) + number(pixels.size(), size) +
                             number(1, size) + number(1, 2) + number(8, 2) +
                             std::string(first_form ? 0 : 24, '\0');
  const std::string file = "BM" + std::string(8, '\0') +
                           number(14 + header.size() + palette.size(), 4) + header + palette +
                           pixels;
  return {file.begin(), file.end()};
}

/// Leaves a byte all over the stack that the next function will use.
[[gnu::noinline]] void write_on_stack(char byte) {
  volatile char stack[1 << 14];
  for (volatile char& place : stack) {
    place = byte;
  }
}

/// The pixels, whatever was on the stack before.
Bytes pixels_of(const Bytes& file) {
  const auto read = [&](char byte) {
    write_on_stack(byte);
    const auto image = data::decode_image(file, "image");
    return Bytes(image.span().begin(), image.span().end());
  };
  const Bytes pixels = read('A');
  CHECK(read('w') == pixels);
  return pixels;
}

const std::string indices{"\1\2\xff\0", 4};
const Bytes second_black_black_first{4, 5, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3};

}  // namespace

TEST_CASE("a colour that the palette of a PNG lacks is black") {
  CHECK(pixels_of(png("\1\2\3\4\5\6", indices)) == second_black_black_first);
  CHECK(data::detail::png_splices(png(std::string(768, 'x'), indices)).empty());
}

TEST_CASE("what stands behind the end of a PNG is not read") {
  for (const auto& behind :
       {std::string("\n"), std::string("1234567"), std::string("\0\0\1\x80PLTE", 8)}) {
    auto file = png("\1\2\3\4\5\6", indices);
    file.insert(file.end(), behind.begin(), behind.end());
    CHECK(pixels_of(file) == second_black_black_first);
    constexpr std::string_view type = "PLTE";
    constexpr std::string_view other = "text";
    std::copy(other.begin(), other.end(),
              std::search(file.begin(), file.end(), type.begin(), type.end()));
    CHECK(data::detail::png_splices(file).empty());
    file[25] = 0;  // grey, so that no palette is looked for
    CHECK(pixels_of(file).size() == 12);
  }
}

TEST_CASE("a PNG has one palette, which is not empty") {
  CHECK_THROWS_WITH(data::decode_image(png("", indices), "image"), Contains("image: expected a"));
  CHECK_THROWS_WITH(data::decode_image(png("\1\2\3", indices, chunk("PLTE", "123")), "image"),
                    "image: expected one palette of a PNG image, got another");
}

TEST_CASE("a colour that the palette of a BMP lacks is black") {
  CHECK(pixels_of(bmp(true, "\3\2\1\6\5\4", indices)) == second_black_black_first);
  CHECK(pixels_of(bmp(false, std::string("\3\2\1\0\6\5\4\0", 8), indices)) ==
        second_black_black_first);
  CHECK_THROWS_WITH(data::decode_image(bmp(false, "", indices), "image"), Contains("Corrupt BMP"));
  CHECK(data::detail::bmp_splices(bmp(false, std::string(1024, 'x'), indices)).empty());
}

TEST_CASE("a whole palette of a BMP of the first form is read to its end") {
  std::string palette(768, 'x');
  palette.replace(765, 3, "\3\2\1");
  CHECK(pixels_of(bmp(true, palette, std::string(4, '\xff'))) ==
        Bytes{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
}

TEST_CASE("what stands between the colours of a BMP and its pixels is not read") {
  std::string palette(1024, 'x');
  palette.replace(0, 4, std::string("\3\2\1\0", 4));
  CHECK(pixels_of(bmp(false, palette + "between", std::string(4, '\0'))) ==
        Bytes{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
}

TEST_CASE("a BMP is longer than its header, and its pixels stand behind that") {
  CHECK_THROWS_WITH(data::decode_image(bmp(true, "", "123"), "image"),
                    "image: expected a BMP image of at least 30 bytes, got 29");
  auto file = bmp(false, std::string(1024, 'x'), indices);
  file[10] = 53;
  file[11] = 0;
  CHECK_THROWS_WITH(data::decode_image(file, "image"),
                    "image: expected the pixels of a BMP image at 54 or later, got 53");
}
