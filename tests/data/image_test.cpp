#include "cnnrnn/data/image.hpp"

#include <sys/stat.h>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
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
  CHECK_THROWS_WITH(data::read_image(folder.path()), Contains("Is a directory"));
  for (const char* no_image : {"", "x", "certainly no image"}) {
    write_bytes(path, no_image);
    CHECK_THROWS_WITH(data::read_image(path),
                      Contains(path + ": expected a PNG, JPEG or BMP image, got none ("));
  }
  write_image(path, smooth_image(20, 20, 3));
  const std::string good = read_bytes(path);
  CHECK_THROWS_WITH(data::read_image(path, {.pixels = 399}),
                    path + ": expected at most 399 pixels, got 20x20");
  CHECK_THROWS_WITH(data::read_image(path, {.file_bytes = 10}), Contains("at most 10 bytes"));
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
        channels = data::decode_image(bytes, path, {.pixels = 10'000}).dim(2);
      } catch (const FileError&) {
      }
      CHECK(channels == 3);
    }
  }
}

TEST_CASE("what stb_image would believe is checked before it sees it") {
  const auto error_of = [](std::string bytes) {
    try {
      data::decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f");
    } catch (const FileError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const TemporaryFolder folder;
  write_image(folder.file("x.jpg"), smooth_image(8, 8, 3));
  const std::string jpeg = read_bytes(folder.file("x.jpg"));
  SECTION("a Huffman table of more symbols than there are bytes") {
    const std::string table = std::string("\xff\xc4\x01\x14\x00", 5) + '\xff' + '\x02' +
                              std::string(14, '\0') + std::string(257, 'x');
    CHECK(error_of(jpeg.substr(0, 2) + table + jpeg.substr(2)) ==
          "f: expected a Huffman table of at most 256 symbols, got 257");
  }
  SECTION("a JPEG without its end") {
    CHECK_THAT(error_of(jpeg.substr(0, jpeg.size() - 2)), Contains("expected a whole JPEG image"));
  }
  SECTION("a JPEG that does not begin with its marker") {
    CHECK_THAT(error_of('\xff' + jpeg), Contains("got none (its first bytes"));
  }
  SECTION("a PNG whose data begins with nothing") {
    write_image(folder.file("x.png"), smooth_image(8, 8, 3));
    const std::string png = read_bytes(folder.file("x.png"));
    const std::size_t header = 33;
    const std::string nothing("\0\0\0\0IDAT\0\0\0\0", 12);
    CHECK_THAT(error_of(png.substr(0, header) + nothing + png.substr(header)),
               Contains("expected data in the first IDAT"));
    CHECK_THAT(error_of(png.substr(0, png.size() - 12)), Contains("without its end"));
  }
}

TEST_CASE("a pipe in an image's place is refused, not waited for") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo(folder.file("x.png").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(data::read_image(folder.file("x.png")), Contains("cannot open"));
}

TEST_CASE("decoding takes no more memory than it may") {
  const TemporaryFolder folder;
  for (const char* name : {"x.png", "x.bmp", "x.jpg"}) {
    write_image(folder.file(name), smooth_image(120, 150, 3));
    CHECK_THROWS_WITH(data::read_image(folder.file(name), {.memory = 121'499}),
                      Contains("expected to need at most 121499 bytes"));
    CHECK_NOTHROW(data::read_image(folder.file(name), {.memory = 400'000}));
  }
  CHECK_THROWS_WITH(data::read_image(folder.file("x.jpg"), {.memory = 121'500}),
                    Contains("that needs more"));
}

TEST_CASE("two translation units of a program may both read images") {
  const TemporaryFolder folder;
  write_image(folder.file("x.png"), smooth_image(4, 6, 3));
  CHECK(read_in_another_translation_unit(folder.file("x.png")).shape() == Shape{4, 6, 3});
  write_bytes(folder.file("x.png"), "no image");
  CHECK_THROWS_WITH(read_in_another_translation_unit(folder.file("x.png")), Contains("got none ("));
}
