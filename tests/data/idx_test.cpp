#include "cnnrnn/data/idx.hpp"

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;
using Catch::Matchers::EndsWith;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Two images of 2x3, bytes 1 to 12.
const Bytes images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                   0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes labels{0, 0, 8, 1, 0, 0, 0, 2, 1, 0};

data::ImageDataset two() {
  return data::idx_dataset(data::parse_idx(images, "images"), data::parse_idx(labels, "labels"),
                           {"zero", "one"}, "two");
}

Bytes changed(Bytes bytes, std::size_t position, std::uint8_t value) {
  bytes.at(position) = value;
  return bytes;
}

}  // namespace

TEST_CASE("an IDX file gives the values in the shape of its header") {
  const TemporaryFolder folder;
  write_bytes(folder.file("images"), std::string(images.begin(), images.end()));
  const auto values = data::read_idx(folder.file("images"));
  REQUIRE(values.shape() == Shape{2, 2, 3});
  CHECK(values(0, 0, 0) == 1);
  CHECK(values(1, 1, 2) == 12);
  CHECK_THROWS_WITH(data::read_idx(folder.file("none")), EndsWith("No such file or directory"));
}

TEST_CASE("an IDX header is checked against the number of bytes") {
  const auto parse = [](const Bytes& bytes) { return data::parse_idx(bytes, "f"); };
  CHECK_THROWS_WITH(parse({}),
                    "f: expected an IDX file, which begins with two zero bytes, got others");
  CHECK_THROWS_WITH(parse({0, 0, 8}), EndsWith("two zero bytes, got others"));
  CHECK_THROWS_WITH(parse(changed(images, 0, 0x1f)), EndsWith("two zero bytes, got others"));
  CHECK_THROWS_WITH(parse(changed(images, 2, 0x0d)),
                    "f: expected unsigned bytes (IDX type 8), got type 13");
  CHECK_THROWS_WITH(parse(changed(images, 3, 0)), "f: expected 1 to 4 dimensions, got 0");
  CHECK_THROWS_WITH(parse(changed(images, 3, 200)), "f: expected 1 to 4 dimensions, got 200");
  CHECK_THROWS_WITH(parse({0, 0, 8, 3, 0, 0, 0, 2}),
                    "f: expected a header of 16 bytes, got a file of 8");
  CHECK_THROWS_WITH(parse(changed(images, 7, 3)),
                    "f: expected 18 bytes after the header, for values (3, 2, 3), got 12");
  CHECK_THROWS_WITH(parse(changed(images, 7, 1)), EndsWith("for values (1, 2, 3), got 12"));
  CHECK_THROWS_WITH(parse(changed(images, 7, 0)), EndsWith("got 1 times 0"));
  // Dimensions whose product would not fit in 64 bits.
  const Bytes huge{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  CHECK_THROWS_WITH(parse(huge), "f: expected 1 to 1073741824 values, got 1 times 4294967295");
}

TEST_CASE("a BinaryFile says what it cannot open or read") {
  const TemporaryFolder folder;
  const std::string path = folder.file("x");
  const auto opening = [&] { data::BinaryFile{path}; };
  CHECK_THROWS_WITH(opening(), "cannot open " + path + ": No such file or directory");
#if !defined(_WIN32)
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_THROWS_WITH(opening(), path + ": expected a regular file, got a pipe or a device");
#endif
  CHECK_THROWS_WITH(data::BinaryFile(folder.path()),
                    "cannot read " + folder.path() + ": Is a directory");

  Bytes bytes(3);
  write_bytes(folder.file("two"), "ab");
  data::BinaryFile two_bytes(folder.file("two"));
  CHECK_THROWS_WITH(two_bytes.read(bytes), folder.file("two") + ": expected 3 more bytes, got 2");
#if defined(__linux__)
  // A regular file whose first bytes cannot be read.
  data::BinaryFile unreadable("/proc/self/mem");
  CHECK_THROWS_WITH(unreadable.read(bytes), "cannot read /proc/self/mem: Input/output error");
#endif
}

TEST_CASE("images and labels make a data set when they fit each other") {
  const auto dataset = two();
  CHECK_NOTHROW(data::check_dataset(dataset));
  CHECK(dataset.images.shape() == Shape{2, 2, 3, 1});
  CHECK(dataset.labels(0) == 1);

  const auto x = data::parse_idx(images, "x");
  const auto y = data::parse_idx(labels, "y");
  CHECK_THROWS_WITH(data::idx_dataset(x, y, {"zero"}, "d"), "d: expected labels below 1, got 1");
  CHECK_THROWS_WITH(data::idx_dataset(x, Tensor<std::uint8_t>(Shape{3}, {0, 0, 0}), {"zero"}, "d"),
                    "d: expected labels (2,), got (3,)");
  CHECK_THROWS_WITH(data::idx_dataset(y, y, {"zero"}, "d"),
                    "d: expected images (N, H, W) or (N, H, W, C), got (2,)");
}

TEST_CASE("pad_to puts images in the middle, repeat_channels makes them colour images") {
  const auto padded = data::pad_to(two(), 4, 6);
  REQUIRE(padded.images.shape() == Shape{2, 4, 6, 1});
  for (Index n = 0; n < 2; ++n) {
    for (Index y = 0; y < 4; ++y) {
      for (Index x = 0; x < 6; ++x) {
        const bool inside = y >= 1 && y < 3 && x >= 1 && x < 4;
        CAPTURE(n, y, x);
        CHECK(padded.images(n, y, x, 0) ==
              (inside ? two().images(n, y - 1, x - 1, 0) : std::uint8_t{0}));
      }
    }
  }
  const auto colour = data::repeat_channels(padded, 3);
  REQUIRE(colour.images.shape() == Shape{2, 4, 6, 3});
  CHECK_NOTHROW(data::check_dataset(colour));
  for (Index channel = 0; channel < 3; ++channel) {
    CHECK(colour.images(1, 2, 3, channel) == 12);
    CHECK(colour.images(1, 0, 0, channel) == 0);
  }
  CHECK_THROWS_WITH(data::pad_to(two(), 4, 2), "pad_to: expected two to be at most 4x2, got 2x3");
  CHECK_THROWS_WITH(data::repeat_channels(colour, 3),
                    "repeat_channels: expected one channel in two, got 3");
}
