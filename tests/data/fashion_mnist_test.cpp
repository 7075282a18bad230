#include "cnnrnn/data/fashion_mnist.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/write_mnist.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// printf '\0\0\10\1\0\0\0\1\6' | gzip -9n
std::string gzipped_label_6() {
  return {
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x64\x60"
      "\x60\x60\x64\x03\x00\x18\x1d\xc2\xee\x09\x00\x00\x00",
      29};
}

}  // namespace

TEST_CASE("MNIST's four files are read") {
  const TemporaryFolder folder;
  CHECK_FALSE(data::is_mnist(folder.path()));
  write_mnist(folder.path());
  REQUIRE(data::is_mnist(folder.path()));
  const auto split = data::read_fashion_mnist(folder.path());
  CHECK_NOTHROW(data::check_dataset(split.train));
  REQUIRE(split.train.images.shape() == Shape{3, 2, 2, 1});
  CHECK(split.train.images(2, 1, 1, 0) == 12);
  CHECK(split.train.labels(2) == 9);
  CHECK(split.train.class_names.at(9) == "ankle boot");
  CHECK(split.test.labels(0) == 3);
  CHECK(split.test.name == "Fashion-MNIST");
}

TEST_CASE("a file packed with gzip does as well") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  const std::string labels = folder.file("t10k-labels-idx1-ubyte");
  std::filesystem::remove(labels);
  CHECK_THROWS_WITH(data::read_fashion_mnist(folder.path()),
                    "expected " + labels + " or " + labels + ".gz, found neither");
  write_bytes(labels + ".gz", gzipped_label_6());
  CHECK(data::read_fashion_mnist(folder.path()).test.labels(0) == 6);
}

TEST_CASE("the files may have a dot in their names") {
  for (const char* const suffix : {"", ".gz"}) {
    const TemporaryFolder folder;
    write_mnist(folder.path());
    for (const char* const stem : {"train-images", "train-labels", "t10k-images", "t10k-labels"}) {
      const std::string type = std::string(stem).ends_with("images") ? "idx3-ubyte" : "idx1-ubyte";
      std::filesystem::rename(folder.file(to_message(stem, '-', type)),
                              folder.file(to_message(stem, '.', type)));
    }
    if (*suffix != '\0') {
      std::filesystem::remove(folder.file("t10k-labels.idx1-ubyte"));
      write_bytes(folder.file("t10k-labels.idx1-ubyte.gz"), gzipped_label_6());
    }
    REQUIRE(data::is_mnist(folder.path()));
    CHECK(data::read_fashion_mnist(folder.path()).train.labels(2) == 9);
  }
}

TEST_CASE("files that do not fit each other are refused") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  write_bytes(folder.file("train-labels-idx1-ubyte"), idx_bytes("\2", "\1\2"));
  CHECK_THROWS_WITH(data::read_fashion_mnist(folder.path()),
                    Contains(folder.path() + ": expected labels (3,), got (2,)"));
  write_bytes(folder.file("train-labels-idx1-ubyte"), idx_bytes("\3", "\1\2\xa"));
  CHECK_THROWS_WITH(data::read_fashion_mnist(folder.path()),
                    Contains("(train) in " + folder.path() + ": expected labels below 10, got 10"));
}

TEST_CASE("Debian's Fashion-MNIST is read, where it is installed") {
  if (!data::is_mnist(data::debian_fashion_mnist)) {
    WARN("Debian's dataset-fashion-mnist is not installed");
    return;
  }
  const auto split = data::read_fashion_mnist();
  CHECK(split.train.images.shape() == Shape{60'000, 28, 28, 1});
  CHECK(split.test.images.shape() == Shape{10'000, 28, 28, 1});
  CHECK(split.train.class_names.at(static_cast<std::size_t>(split.train.labels(0))) ==
        "ankle boot");
  std::array<Index, 10> counts{};
  for (const Index label : split.test.labels.span()) {
    ++counts.at(static_cast<std::size_t>(label));
  }
  CHECK(std::ranges::count(counts, 1000) == 10);
  CHECK(data::mnist_kind(data::debian_fashion_mnist).name == "Fashion-MNIST");
}
