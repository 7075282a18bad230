#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/image.hpp"
#include "support/catch.hpp"
#include "support/fixture.hpp"
#include "support/temporary_folder.hpp"
#include "support/write_image.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

const Fixture& fixture() {
  static const Fixture images("images");
  return images;
}

/// The bytes of a file in images.safetensors.
std::string file(const std::string& name) {
  const auto bytes = fixture().get<std::uint8_t>(name + "/file");
  return {bytes.span().begin(), bytes.span().end()};
}

Tensor<std::uint8_t> decode(const std::string& bytes, const data::ImageOptions& options = {}) {
  return data::decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                            "f", options);
}

std::string error_of(const std::string& bytes) {
  try {
    decode(bytes);
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

/// The file with other bytes from one position on.
std::string changed(std::string bytes, std::size_t at, const std::string& others) {
  return bytes.replace(at, others.size(), others);
}

/// The largest and the mean difference of two images of the same shape.
std::pair<int, double> difference(const Tensor<std::uint8_t>& a, const Tensor<std::uint8_t>& b) {
  REQUIRE(a.shape() == b.shape());
  int largest = 0;
  double sum = 0;
  for (Index i = 0; i < a.size(); ++i) {
    const int apart = std::abs(int{a.data()[i]} - int{b.data()[i]});
    largest = std::max(largest, apart);
    sum += apart;
  }
  return {largest, sum / static_cast<double>(a.size())};
}

/// Whether all files whose names begin so have Pillow's pixels; there must be so many.
void check_pixels(const std::string& kind, int files, int most_apart = 0, double mean_apart = 0) {
  int found = 0;
  for (const auto& [name, tensor] : fixture().file().tensors) {
    if (name.starts_with(kind) && name.ends_with("/file")) {
      ++found;
      const std::string image = name.substr(0, name.size() - 5);
      CAPTURE(image);
      const auto [largest, mean] =
          difference(decode(file(image)), fixture().get<std::uint8_t>(image + "/pixels"));
      CHECK(largest <= most_apart);
      CHECK(mean <= mean_apart);
    }
  }
  CHECK(found == files);
}

std::string number(std::size_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> 8 * i & 0xff);
  }
  return text;
}

/// A TIFF structure of one entry in its directory, as EXIF has it.
std::string tiff(std::size_t tag, std::size_t kind, std::size_t value) {
  return "II" + number(42, 2) + number(8, 4) + number(1, 2) + number(tag, 2) + number(kind, 2) +
         number(1, 4) + number(value, 4) + number(0, 4);
}

/// The upright picture with this behind its first marker.
std::string with_exif(const std::string& data) {
  const std::size_t size = data.size() + 8;
  return file("jpeg/rgb")
      .insert(2, std::string("\xff\xe1") + static_cast<char>(size >> 8) +
                     static_cast<char>(size & 0xff) + std::string("Exif\0\0", 6) + data);
}

}  // namespace

TEST_CASE("JPEG images have nearly Pillow's pixels") {
  check_pixels("jpeg/", 39, 3, 1);  // decoders round differently
}

TEST_CASE("PNG images have Pillow's pixels") { check_pixels("png/", 40); }
TEST_CASE("BMP images have Pillow's pixels") { check_pixels("bmp/", 15); }
TEST_CASE("GIF images have Pillow's pixels") { check_pixels("gif/", 12); }
TEST_CASE("PPM and PGM images have Pillow's pixels") { check_pixels("pnm/", 7); }
TEST_CASE("TGA images have Pillow's pixels") { check_pixels("tga/", 17); }

TEST_CASE("the orientation can be ignored") {
  for (const char* name : {"jpeg/orientation-6-little", "png/orientation-6"}) {
    const auto image = decode(file(name), {.ignore_orientation = true});
    CHECK(image.shape() == Shape{6, 10, 3});
    CHECK(decode(file(name)).shape() == Shape{10, 6, 3});
    CHECK(decode(file(name))(0, 0, 1) == image(5, 0, 1));
  }
  const auto below = decode(file("tga/from-below"), {.ignore_orientation = true});
  CHECK(difference(below, decode(file("tga/from-below"))).first == 0);
}

TEST_CASE("a broken orientation is none") {
  const auto upright = decode(file("jpeg/rgb"));
  const std::string good = tiff(0x0112, 3, 6);
  REQUIRE(decode(with_exif(good)).shape() == Shape{10, 6, 3});
  std::vector<std::string> broken{"",
                                  "MM",
                                  changed(good, 0, "IM"),
                                  changed(good, 2, "+"),
                                  changed(good, 4, std::string(4, '\xff')),
                                  changed(good, 4, number(good.size(), 4)),
                                  tiff(0x0112, 3, 0),
                                  tiff(0x0112, 3, 9),
                                  tiff(0x0112, 4, 65536 + 6),
                                  tiff(0x0113, 3, 6),
                                  changed(tiff(0x0113, 3, 6), 8, "\xff\xff")};
  for (std::size_t size = 0; size < 20; ++size) {
    broken.push_back(good.substr(0, size));
  }
  for (const std::string& exif : broken) {
    CHECK(difference(decode(with_exif(exif)), upright).first == 0);
  }
  // A segment of its name alone, and one that is longer than the file.
  CHECK_NOTHROW(decode(file("jpeg/rgb").insert(2, std::string("\xff\xe1\0\6Exif", 8))));
  CHECK(error_of(file("jpeg/rgb")
                     .insert(2, std::string("\xff\xe1\xff\xff"
                                            "Exif\0\0",
                                            10))) != "no error");
}

TEST_CASE("only the first EXIF counts") {
  const std::string first = with_exif(tiff(0x0112, 3, 6));
  const std::string second = with_exif(tiff(0x0112, 3, 1));
  const std::size_t size = first.size() - file("jpeg/rgb").size();
  CHECK(decode(second.substr(0, 2 + size) + first.substr(2)).shape() == Shape{6, 10, 3});
  CHECK(decode(first.substr(0, 2 + size) + second.substr(2)).shape() == Shape{10, 6, 3});
}

TEST_CASE("a GIF that is not right is refused") {
  const std::string gif = file("gif/table");
  const std::size_t picture = gif.find(',', 61);
  CHECK(error_of(gif.substr(0, 12)) == "f: expected 1 more bytes of a GIF image, got 0");
  CHECK(error_of(changed(gif, 6, std::string(2, '\0'))) ==
        "f: expected an image of 1 to 2147483647 pixels a side, got 0x6");
  CHECK(error_of(changed(gif, picture, ";")) ==
        "f: expected a picture in a GIF image, got a block of kind 59");
  for (const auto& [at, value] : {std::pair{1, 1}, {3, 1}, {5, 0}, {7, 0}}) {
    CHECK(error_of(changed(gif, picture + static_cast<std::size_t>(at),
                           std::string(1, static_cast<char>(value))))
              .starts_with("f: expected a picture inside a GIF image of 10x6, got one of "));
  }
  CHECK(error_of(changed(gif, picture + 10, "\x09")) ==
        "f: expected GIF pixels of 1 to 8 bits, got 9");
  CHECK(error_of(changed(gif, picture + 12, "\xff\xff")) ==
        "f: expected 60 pixels of a GIF image, got 0 and then a broken code");
  const std::size_t data = picture + 12;
  CHECK(error_of(changed(gif, data - 1, "\3").replace(data + 3, 1, 1, '\0')) ==
        "f: expected more pixels of a GIF image, got the end of its data");
  std::string bare = file("gif/only-local-table");
  bare.erase(bare.find(',') + 10, 48);
  CHECK(error_of(changed(bare, bare.find(',') + 9, std::string(1, '\0'))) ==
        "f: expected a table of the colours of a GIF image, got none");
}

TEST_CASE("a colour that the table of a GIF lacks is black") {
  std::string gif = file("gif/table");
  gif.erase(13 + 6, 42);  // two colours of sixteen
  const auto image = decode(changed(gif, 10, "\x80"));
  const auto whole = decode(file("gif/table"));
  CHECK(image(0, 0, 0) == whole(0, 0, 0));
  CHECK(image(5, 9, 0) + image(5, 9, 1) + image(5, 9, 2) == 0);
}

TEST_CASE("a PPM that is not right is refused") {
  CHECK(error_of("P6 2 1 255\n123456") == "no error");
  CHECK(error_of("P6 2 1 255\n12345") ==
        "f: expected 1 rows of 6 bytes in a PPM or PGM image, got 5 bytes");
  CHECK(error_of("P5 2 1 256\n123") ==
        "f: expected 1 rows of 4 bytes in a PPM or PGM image, got 3 bytes");
  CHECK(error_of("P5 999999999 999999999 255\n123") ==
        "f: expected 999999999 rows of 999999999 bytes in a PPM or PGM image, got 3 bytes");
  CHECK(error_of("P5 0 1 255\n123") ==
        "f: expected an image of 1 to 2147483647 pixels a side, got 0x1");
  for (const char* maximum : {"0", "65536"}) {
    CHECK(error_of("P5 1 1 " + std::string(maximum) + "\n123") ==
          "f: expected PPM or PGM values up to 1 to 65535, got up to " + std::string(maximum));
  }
  for (const char* header : {"P5 x", "P5 1x", "P5 -1 ", "P5 1000000000 ", "P5 1 1 255x"}) {
    CHECK(error_of(header) == "f: expected a number of up to 9 digits in a PPM or PGM image");
  }
  CHECK(error_of("P5 1 1") == "f: expected 1 more bytes of a PPM or PGM image, got 0");
  CHECK(decode("P5#1\n1 1 10\n\xff")(0, 0, 0) == 255);
  CHECK(decode("P5 # 1 2\n# 3\n1#wide\n1#high\r10#most\n\x05")(0, 0, 0) == 128);
}

TEST_CASE("plain PPM and PGM images are those of the binary ones") {
  CHECK(decode("P3\n2 1 # two pixels\n255\n1 2 3\n # and\n250 251 252").span()[5] == 252);
  const auto grey = decode("P2 3 1 10 0 5 10");
  CHECK(grey.shape() == Shape{1, 3, 3});
  CHECK(grey(0, 0, 2) == 0);
  CHECK(grey(0, 1, 0) == 128);
  CHECK(grey(0, 2, 1) == 255);
  CHECK(decode("P2 1 1 1000 2000\n")(0, 0, 0) == 255);
  CHECK(error_of("P2 2 1 255 7") == "f: expected 1 more bytes of a PPM or PGM image, got 0");
  CHECK(error_of("P2 2 1 255 7 x") ==
        "f: expected a number of up to 9 digits in a PPM or PGM image");
}

TEST_CASE("a bitmap of netpbm has its own message") {
  CHECK(error_of("P1\n1 1\n1") ==
        "f: expected a PPM or PGM image (P2, P3, P5 or P6), got a bitmap (P1)");
  CHECK(error_of("P4\n1 1\n1") ==
        "f: expected a PPM or PGM image (P2, P3, P5 or P6), got a bitmap (P4)");
}

TEST_CASE("a TGA that is not right is refused") {
  const std::string tga = file("tga/from-the-top");
  CHECK(error_of(tga.substr(0, tga.size() - 1)) ==
        "f: expected 6 rows of 30 bytes in a TGA image, got 179 bytes");
  const std::string runs = file("tga/runs");
  CHECK(error_of(runs.substr(0, runs.size() - 1)) ==
        "f: expected 3 more bytes of a TGA image, got 2");
  const std::string palette = file("tga/palette");
  CHECK(error_of(palette.substr(0, 60)) == "f: expected 48 more bytes of a TGA image, got 42");
  const auto lacking = decode(changed(palette, palette.size() - 1, "\xff"));
  CHECK(lacking(5, 9, 0) + lacking(5, 9, 1) + lacking(5, 9, 2) == 0);
}

TEST_CASE("no other file is taken for a TGA") {
  const std::string tga = file("tga/from-the-top");
  const std::string palette = file("tga/palette");
  const std::string none =
      "f: expected a PNG, JPEG, BMP, GIF, PPM, PGM or TGA image, got none (its first bytes are "
      "another's)";
  const auto refused = [&](const std::string& from, std::size_t at, const std::string& others) {
    CAPTURE(at, others);
    CHECK(error_of(changed(from, at, others)) == none);
  };
  for (const std::size_t at : {3U, 4U, 5U, 6U}) {
    refused(tga, at, "\1");
  }
  refused(tga, 1, "\1");
  refused(tga, 2, std::string(1, '\0'));
  refused(tga, 2, "\x20");
  refused(tga, 7, "\1");
  refused(tga, 12, std::string(2, '\0'));
  refused(tga, 14, std::string(2, '\0'));
  refused(tga, 16, "\7");
  refused(tga, 17, "\x60");
  refused(tga, 17, "\x2f");
  refused(palette, 1, "\2");
  refused(palette, 3, "\xff");
  refused(palette, 5, std::string(2, '\0'));
  refused(palette, 7, "\7");
  refused(palette, 16, "\x10");
  const std::string rest(200, '\0');
  for (const std::string& begin :
       {std::string("\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0", 14),  // Windows icon
        std::string("\0\0\2\0\1\0\x20\x20\0\0\1\0\x20\0", 14),  // and cursor
        std::string("\0\1\0\0\0\x0e\0\x80\0\3\0\x60", 12),      // TrueType font
        std::string("\0\0\0\x18"
                    "ftypheic\0\0\0\0mif1heic",
                    24),                                                       // HEIC photo
        std::string("RIFF\x20\0\0\0WEBPVP8L", 16),                             // WebP
        std::string("II*\0\x08\0\0\0", 8), std::string("MM\0*\0\0\0\x08", 8),  // TIFF
        std::string("\0\0\x08\3\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c", 16),         // MNIST
        std::string("8BPS\0\1"), std::string("%PDF-1.7")}) {
    CAPTURE(begin);
    CHECK(error_of(begin + rest) == none);
  }
}

TEST_CASE("small files of large pictures are refused before memory is taken") {
  // GIF packs 2731 pixels into a byte at best, a TGA of runs 64.
  CHECK(error_of(changed(file("gif/table"), 6, "\x10\x27\x10\x27")) ==
        to_message("f: expected at most 2731 pixels for each of ", file("gif/table").size(),
                   " bytes, got 10000x10000"));
  CHECK(error_of(changed(file("tga/runs"), 12, "\x10\x27\x10\x27")) ==
        to_message("f: expected at most 64 pixels for each of ", file("tga/runs").size(),
                   " bytes, got 10000x10000"));
}

TEST_CASE("photos and screenshots are read, and refused only under strict limits") {
  const TemporaryFolder folder;
  const auto flat = [](Index height, Index width, Index channels) {
    return Tensor<std::uint8_t>::full(Shape{height, width, channels}, 200);
  };
  write_image(folder.file("photo.jpg"), flat(4000, 6000, 3));
  write_image(folder.file("screen.png"), flat(2880, 5120, 1));
  for (const char* name : {"photo.jpg", "screen.png"}) {
    CAPTURE(name);
    CHECK(data::read_image(folder.file(name), 4, 4)(3, 3, 2) == 200);
    CHECK_THROWS_WITH(data::read_image(folder.file(name), {.limits = data::ImageLimits::strict()}),
                      Contains("expected to need at most 92274688 bytes (ImageLimits::memory)"));
  }
  write_image(folder.file("x.png"), smooth_image(30, 40, 3));
  CHECK(data::read_image(folder.file("x.png"), {.limits = data::ImageLimits::strict()}).shape() ==
        Shape{30, 40, 3});
}

TEST_CASE("images are known by the ends of their names") {
  for (const char* name : {"a.png", "a.JPG", "a.jpeg", "b/a.jpe", "a.jfif", "a.bmp", "a.Gif",
                           "a.ppm", "a.pgm", "a.pnm", "a.tga"}) {
    CHECK(data::has_image_suffix(name));
  }
  for (const char* name : {"png", "a.txt", "a.png.txt", "a.jp", ".png"}) {
    CHECK_FALSE(data::has_image_suffix(name));
  }
  CHECK(data::joined_image_suffixes() ==
        ".png, .jpg, .jpeg, .jpe, .jfif, .bmp, .gif, .ppm, .pgm, .pnm, .tga");
}
