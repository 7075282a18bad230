#include "cnnrnn/data/image.hpp"

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/untouched_bytes.hpp"
#include "support/write_image.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

Tensor<std::uint8_t> read_in_another_translation_unit(const std::string& path);

TEST_CASE("PNG and BMP images come back as they were, JPEG nearly") {
  const TemporaryFolder folder;
  const auto image = smooth_image(9, 14, 3);
  for (const char* name : {"x.png", "x.bmp", "x.jpg"}) {
    CAPTURE(name);
    write_image(folder.file(name), image);
    const auto read = data::read_image(folder.file(name));
    REQUIRE(read.shape() == image.shape());
    const int tolerance = std::string(name) == "x.jpg" ? 40 : 0;
    for (Index i = 0; i < image.size(); ++i) {
      CHECK(std::abs(int{read.data()[i]} - int{image.data()[i]}) <= tolerance);
    }
  }
}

TEST_CASE("grey is repeated, transparency is left out") {
  const TemporaryFolder folder;
  const auto grey = smooth_image(3, 5, 1);
  write_image(folder.file("grey.png"), grey);
  const auto read = data::read_image(folder.file("grey.png"));
  REQUIRE(read.shape() == Shape{3, 5, 3});
  for (Index channel = 0; channel < 3; ++channel) {
    CHECK(read(2, 4, channel) == grey(2, 4, 0));
  }
  const auto clear = smooth_image(3, 5, 4);
  write_image(folder.file("clear.png"), clear);
  CHECK(data::read_image(folder.file("clear.png"))(1, 2, 2) == clear(1, 2, 2));
}

TEST_CASE("images of any size are cut and resized when asked") {
  const TemporaryFolder folder;
  write_image(folder.file("x.png"), smooth_image(40, 90, 3));
  CHECK(data::read_image(folder.file("x.png"), 32, 32).shape() == Shape{32, 32, 3});
  write_image(folder.file("dot.png"), smooth_image(1, 1, 3));
  CHECK(data::read_image(folder.file("dot.png"), 8, 16).shape() == Shape{8, 16, 3});
}

TEST_CASE("an unreadable image is refused with the reason") {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.png");
  CHECK_THROWS_WITH(data::read_image(path), "cannot open " + path + ": No such file or directory");
  for (const char* no_image : {"", "x", "certainly no image"}) {
    write_bytes(path, no_image);
    CHECK_THROWS_WITH(data::read_image(path),
                      path +
                          ": expected a PNG, JPEG, BMP, GIF, PPM, PGM or TGA image, got none (its "
                          "first bytes are another's)");
  }
  write_image(path, smooth_image(20, 20, 3));
  const std::string good = read_bytes(path);
  CHECK_THROWS_WITH(data::read_image(path, {.limits = {.pixels = 399}}),
                    path +
                        ": expected at most 399 pixels (ImageLimits::pixels, or "
                        "--max-image-pixels of a program), got 20x20");
  CHECK_THROWS_WITH(data::read_image(path, {.limits = {.file_bytes = 10}}),
                    to_message(path, ": expected at most 10 bytes, got ", good.size()));
  for (std::size_t size = 0; size + 12 < good.size(); size += 7) {  // the last 12 are IEND
    CAPTURE(size);
    write_bytes(path, good.substr(0, size));
    CHECK_THROWS_AS(data::read_image(path), FileError);
  }
}

TEST_CASE("damaged images are read or refused, and nothing worse") {
  const TemporaryFolder folder;
  for (const char* name : {"x.png", "x.bmp", "x.jpg"}) {
    const std::string path = folder.file(name);
    write_image(path, smooth_image(17, 23, 3));
    const std::string good = read_bytes(path);
    for (std::size_t position = 0; position < good.size(); position += 3) {
      std::string bad = good;
      bad[position] = static_cast<char>(bad[position] ^ 0x55);
      const std::vector<std::uint8_t> bytes(bad.begin(), bad.end());
      Index channels = 3;
      try {
        channels = data::decode_image(bytes, path, {.limits = {.pixels = 10'000}}).dim(2);
      } catch (const FileError&) {
      }
      CHECK(channels == 3);
    }
  }
}

TEST_CASE("what stb_image would believe is checked before it sees it") {
  const auto error_of = [](const std::string& bytes) {
    try {
      data::decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f");
    } catch (const FileError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const TemporaryFolder folder;
  const auto image = [&](const std::string& suffix) {
    write_image(folder.file(suffix), smooth_image(8, 8, 3));
    return read_bytes(folder.file(suffix));
  };
  const std::string jpeg = image("x.jpg");
  SECTION("a Huffman table of more symbols than there are bytes") {
    const std::string table = std::string("\xff\xc4\x01\x14\x00", 5) + '\xff' + '\x02' +
                              std::string(14, '\0') + std::string(257, 'x');
    CHECK(error_of(jpeg.substr(0, 2) + table + jpeg.substr(2)) ==
          "f: expected a Huffman table of at most 256 symbols, got 257");
  }
  SECTION("a JPEG without its end") {
    CHECK(error_of(jpeg.substr(0, jpeg.size() - 2)) ==
          to_message("f: expected a whole JPEG image, got ", jpeg.size() - 2,
                     " bytes without its end"));
  }
  SECTION("a JPEG of more scans than are of use") {
    std::string many = jpeg.substr(0, jpeg.size() - 2);
    const std::size_t size = many.find("\xff\xc0") + 5;
    many.replace(size, 4, std::string("\x08\0\x08\0", 4));  // 2048x2048
    for (int scan = 0; scan < 20; ++scan) {
      many += {'\xff', '\xda', '\0', '\x02'};
    }
    many += std::string(9000, '\0') + jpeg.substr(jpeg.size() - 2);
    CHECK(error_of(many) == "f: expected at most 20 scans of a JPEG of 4194304 pixels, got 21");
  }
  SECTION("a JPEG that does not begin with its marker") {
    CHECK(error_of('\xff' + jpeg) ==
          "f: expected a PNG, JPEG, BMP, GIF, PPM, PGM or TGA image, got none (its first bytes are "
          "another's)");
  }
  SECTION("the frame of a JPEG") {
    const std::size_t frame = jpeg.find("\xff\xc0");
    const auto changed = [&](std::size_t at, const std::string& bytes) {
      return error_of(std::string(jpeg).replace(frame + at, bytes.size(), bytes));
    };
    CHECK(changed(1, "\xc9") ==
          "f: expected a baseline or progressive JPEG (SOF0, 1 or 2), got SOF9");
    CHECK(changed(4, "\x0c") == "f: expected a JPEG of 8 bits a colour, got 12");
    CHECK(changed(9, "\x02") == "f: expected a JPEG of 1, 3 or 4 colours, got 2");
    CHECK(changed(5, std::string(2, '\0')) ==
          "f: expected an image of 1 to 2147483647 pixels a side, got 8x0");
    const std::size_t scan = jpeg.find("\xff\xda");
    CHECK(error_of(jpeg.substr(0, scan) + jpeg.substr(jpeg.size() - 2)) ==
          "f: expected a scan in a JPEG image, got none");
    // A larger picture than the file can hold, and one that stb_image sees otherwise.
    CHECK(changed(5, "\x7f\xff\x7f\xff") ==
          to_message("f: expected at most 512 pixels for each of ", jpeg.size(),
                     " bytes, got 32767x32767"));
  }
  SECTION("the chunks of a PNG") {
    const std::string png = image("x.png");
    const std::size_t header = 33;
    const std::string nothing("\0\0\0\0IDAT\0\0\0\0", 12);
    CHECK(error_of(png.substr(0, header) + nothing + png.substr(header)) ==
          "f: expected data in the first IDAT of a PNG image, got none");
    CHECK(error_of(png.substr(0, png.size() - 12)) ==
          "f: expected a whole PNG image, got a file without its end");
    CHECK(error_of(std::string(png).replace(8, 1, "\x7f")) ==
          to_message("f: expected a PNG chunk of at most ", png.size() - 20,
                     " bytes, got 2130706445"));
    CHECK(error_of(png.substr(0, 8) + std::string("\0\0\0\4CgBI12341234", 16) + png.substr(8)) ==
          "f: expected a PNG image that begins with its header, got another chunk");
    CHECK(error_of(std::string(png).replace(16, 8, 8, '\xff')) ==
          "f: expected an image of 1 to 2147483647 pixels a side, got 4294967295x4294967295");
  }
  SECTION("the pixels of a BMP") {
    const std::string bmp = image("x.bmp");
    CHECK(error_of(bmp.substr(0, 238)) ==
          "f: expected 8 rows of 24 bytes of pixels from byte 54, got a file of 238");
    CHECK(error_of(std::string(bmp).replace(18, 1, 1, '\0')) ==
          "f: expected an image of 1 to 2147483647 pixels a side, got 0x8");
  }
  SECTION("what stb_image itself refuses") {
    const std::string png = image("x.png");
    CHECK(error_of(std::string(png).replace(24, 1, 1, '\3')) ==
          "f: expected a whole image of 8x8, got a broken one (Image not of any known type, or "
          "corrupt)");
    CHECK(error_of(png.substr(0, 33) + png.substr(png.size() - 12)) ==
          "f: expected a whole image, got a broken one (Corrupt PNG)");
    CHECK(error_of(std::string(png).replace(41, 1, "\x79")) ==
          "f: expected a whole image, got a broken one (Corrupt PNG)");
  }
}

TEST_CASE("an image of more than 2 GB is refused before it is looked at") {
  const UntouchedBytes large(std::size_t{1} << 31);
  CHECK_THROWS_WITH(data::decode_image(large.span(), "f"),
                    "f: expected an image file below 2 GB, got 2147483648 bytes");
  // One more than what still fits an int when its palette is whole.
  CHECK_THROWS_WITH(data::decode_image(large.span().first(2147482624), "f"),
                    "f: expected an image file below 2 GB, got 2147482624 bytes");
}

#if !defined(_WIN32)
TEST_CASE("a pipe in an image's place is refused, not waited for") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo(folder.file("x.png").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(data::read_image(folder.file("x.png")),
                    folder.file("x.png") + ": expected a regular file, got a pipe or a device");
}
#endif

TEST_CASE("decoding takes no more memory than it may") {
  const TemporaryFolder folder;
  for (const char* name : {"x.png", "x.bmp", "x.jpg"}) {
    write_image(folder.file(name), smooth_image(120, 150, 3));
    CHECK_THROWS_WITH(data::read_image(folder.file(name), {.limits = {.memory = 121'499}}),
                      folder.file(name) +
                          ": expected to need at most 121499 bytes (ImageLimits::memory), got an "
                          "image of 150x120 that needs more");
    CHECK_NOTHROW(data::read_image(folder.file(name), {.limits = {.memory = 400'000}}));
  }
  CHECK_THROWS_WITH(data::read_image(folder.file("x.jpg"), {.limits = {.memory = 121'500}}),
                    folder.file("x.jpg") +
                        ": expected to need at most 121500 bytes (ImageLimits::memory), got an "
                        "image of 150x120 that needs more");
}

TEST_CASE("two translation units of a program may both read images") {
  const TemporaryFolder folder;
  write_image(folder.file("x.png"), smooth_image(4, 6, 3));
  CHECK(read_in_another_translation_unit(folder.file("x.png")).shape() == Shape{4, 6, 3});
  write_bytes(folder.file("x.png"), "no image");
  CHECK_THROWS_WITH(read_in_another_translation_unit(folder.file("x.png")), Contains("got none ("));
}
