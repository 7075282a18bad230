#include "cnnrnn/data/cifar.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;
using Catch::Matchers::EndsWith;

namespace {

constexpr Index images_per_file = 3;
const data::Cifar10Options small{.images_per_file = images_per_file};
const data::Cifar100Options small100{.train_images = 4, .test_images = 2};

/// The byte of a made image at a place of its planes (C, H, W).
char byte_at(Index image, Index channel, Index y, Index x) {
  return static_cast<char>((image * 31 + channel * 101 + y * 7 + x) % 256);
}

std::string record(const std::string& labels, Index image) {
  std::string bytes = labels;
  for (Index channel = 0; channel < 3; ++channel) {
    for (Index y = 0; y < 32; ++y) {
      for (Index x = 0; x < 32; ++x) {
        bytes += byte_at(image, channel, y, x);
      }
    }
  }
  return bytes;
}

/// Labels and pixels count on from file to file; the test batch is the sixth file.
void write_cifar10(const std::string& folder) {
  std::filesystem::create_directories(folder);
  Index image = 0;
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    std::string bytes;
    for (Index i = 0; i < images_per_file; ++i, ++image) {
      bytes += record({static_cast<char>(image % 10)}, image);
    }
    write_bytes(folder + '/' + name, bytes);
  }
}

void write_cifar100(const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_bytes(folder + "/train.bin",
              record({1, 10}, 0) + record({2, 20}, 1) + record({3, 30}, 2) + record({19, 99}, 3));
  write_bytes(folder + "/test.bin", record({4, 40}, 4) + record({5, 50}, 5));
}

void check_images(const data::ImageDataset& dataset, Index first) {
  for (Index i = 0; i < dataset.size(); ++i) {
    for (const auto& [c, y, x] : {std::array<Index, 3>{0, 0, 0}, {1, 5, 31}, {2, 31, 2}}) {
      CAPTURE(i, c, y, x);
      CHECK(dataset.images(i, y, x, c) == static_cast<std::uint8_t>(byte_at(first + i, c, y, x)));
    }
  }
}

}  // namespace

TEST_CASE("CIFAR-10 is read from its folder and from the parent, as (N, 32, 32, 3)") {
  const TemporaryFolder folder;
  write_cifar10(folder.file("cifar-10-batches-bin"));
  for (const std::string& place : {folder.path(), folder.file("cifar-10-batches-bin")}) {
    REQUIRE(data::is_cifar10(place));
    CHECK_FALSE(data::is_cifar100(place));
    const data::Split split = data::read_cifar10(place, small);
    REQUIRE(split.train.images.shape() == Shape{5 * images_per_file, 32, 32, 3});
    REQUIRE(split.test.images.shape() == Shape{images_per_file, 32, 32, 3});
    CHECK_NOTHROW(data::check_dataset(split.train));
    check_images(split.train, 0);
    check_images(split.test, 5 * images_per_file);
    CHECK(split.train.labels(14) == 4);
    CHECK(split.test.labels(0) == 5);
    CHECK(split.train.name == "CIFAR-10");
    CHECK(split.train.class_names.at(9) == "truck");
  }
}

TEST_CASE("CIFAR-10's class names come from batches.meta.txt") {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  write_bytes(folder.file("batches.meta.txt"), "a\nb\nc\nd\ne\r\nf\ng\nh\ni\nj\n\n");
  CHECK(data::read_cifar10(folder.path(), small).test.class_names.at(9) == "j");
  write_bytes(folder.file("batches.meta.txt"), "a\nb\n");
  CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                    folder.file("batches.meta.txt") + ": expected 10 class names, got 2");
  write_bytes(folder.file("batches.meta.txt"), "a\n\x1b[2J\n");
  CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                    folder.file("batches.meta.txt") +
                        ": expected names in UTF-8 without control characters, got \\x1b[2J");
  write_bytes(folder.file("batches.meta.txt"), "caf\xe9\n");
  CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                    folder.file("batches.meta.txt") +
                        ": expected names in UTF-8 without control characters, got caf\\xe9");
}

TEST_CASE("a CIFAR-10 folder that is not right is refused with what was expected and what came") {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  const std::string batch = folder.file("data_batch_2.bin");
  const std::string good = read_bytes(batch);

  SECTION("a truncated file") {
    write_bytes(batch, good.substr(0, 5000));
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                      batch + ": expected 9219 bytes (3 images of 3073 bytes), got 5000");
  }
  SECTION("a file that is too long") {
    write_bytes(batch, good + 'x');
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small), EndsWith("got 9220"));
  }
  SECTION("an empty file") {
    write_bytes(batch, "");
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small), EndsWith("got 0"));
  }
  SECTION("a label out of range") {
    write_bytes(batch, good.substr(0, 3073) + '\n' + good.substr(3074));
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                      batch + ": expected labels below 10, got 10 at image 1");
  }
  SECTION("a missing file") {
    std::filesystem::remove(batch);
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                      "cannot open " + batch + ": No such file or directory");
  }
  SECTION("a folder in a file's place") {
    std::filesystem::remove(batch);
    std::filesystem::create_directory(batch);
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), small),
                      "cannot read " + batch + ": Is a directory");
  }
  SECTION("the official sizes are the default") {
    CHECK_THROWS_AS(data::read_cifar10(folder.path()), FileError);
  }
  SECTION("a number of images that cannot be") {
    CHECK_THROWS_WITH(data::read_cifar10(folder.path(), {.images_per_file = 0}),
                      "CIFAR-10: expected a positive number of images, got 0");
  }
}

TEST_CASE("a missing CIFAR folder is named, and where else it was looked for") {
  CHECK_FALSE(data::is_cifar10("/nonexistent"));
  CHECK_THROWS_WITH(data::read_cifar10("/nonexistent"),
                    "/nonexistent: expected data_batch_1.bin ... test_batch.bin in it or in its "
                    "folder cifar-10-batches-bin, found none of them");
  CHECK_THROWS_AS(data::read_cifar100("/nonexistent"), FileError);
}

TEST_CASE("CIFAR-100 has fine and coarse labels") {
  const TemporaryFolder folder;
  write_cifar100(folder.file("cifar-100-binary"));
  REQUIRE(data::is_cifar100(folder.path()));
  const data::Split fine = data::read_cifar100(folder.path(), small100);
  REQUIRE(fine.train.images.shape() == Shape{4, 32, 32, 3});
  check_images(fine.train, 0);
  check_images(fine.test, 4);
  CHECK(fine.train.labels(3) == 99);
  CHECK(fine.test.labels(1) == 50);
  CHECK(fine.train.class_names.at(99) == "worm");
  CHECK(fine.train.classes() == 100);

  auto options = small100;
  options.coarse = true;
  const data::Split coarse = data::read_cifar100(folder.path(), options);
  CHECK(coarse.train.labels(3) == 19);
  CHECK(coarse.test.labels(1) == 5);
  CHECK(coarse.train.class_names.at(19) == "vehicles_2");
}

TEST_CASE("a CIFAR-100 folder that is not right is refused") {
  const TemporaryFolder folder;
  write_cifar100(folder.path());
  const std::string train = folder.file("train.bin");
  const std::string good = read_bytes(train);
  write_bytes(train, good.substr(0, good.size() - 1));
  CHECK_THROWS_WITH(data::read_cifar100(folder.path(), small100),
                    train + ": expected 12296 bytes (4 images of 3074 bytes), got 12295");
  write_bytes(train, good.substr(0, 1) + 'd' + good.substr(2));
  CHECK_THROWS_WITH(data::read_cifar100(folder.path(), small100),
                    train + ": expected labels below 100, got 100 at image 0");
}
