#include "cnnrnn/data/open_dataset.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/write_image.hpp"
#include "support/write_mnist.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// Small and without the packages of this machine.
const data::OpenOptions nothing_installed{.synthetic = {.train_images = 20, .test_images = 10},
                                          .fashion_mnist = "/nonexistent"};

/// Sets an environment variable and the working folder for a scope.
class Surroundings {
 public:
  Surroundings(const std::string& data_dir, const std::string& folder)
      : before_(std::filesystem::current_path()) {
    ::setenv("CNNRNN_DATA_DIR", data_dir.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::current_path(folder);
  }
  ~Surroundings() {
    ::unsetenv("CNNRNN_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::current_path(before_);
  }
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

 private:
  std::filesystem::path before_;
};

/// A CIFAR-10 folder whose first file is too short: that it is found shows in the error.
void write_broken_cifar10(const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_bytes(folder + "/data_batch_1.bin", "short");
}

}  // namespace

TEST_CASE("a folder is recognised by what is in it") {
  const TemporaryFolder folder;
  SECTION("MNIST, brought to 32x32 and three channels") {
    write_mnist(folder.path());
    const auto opened = data::open_dataset(folder.path());
    CHECK(opened.split.train.images.shape() == Shape{3, 32, 32, 3});
    CHECK(opened.split.train.images(2, 16, 16, 1) == 12);
    CHECK(opened.split.train.class_names.at(9) == "9");
    CHECK(opened.describe() ==
          "MNIST from " + folder.path() + ": 3 training and 1 test images 32x32x3, 10 classes");
  }
  SECTION("Fashion-MNIST, by the folder's name") {
    write_mnist(folder.file("fashion-mnist"));
    const auto opened = data::open_dataset(folder.file("fashion-mnist"));
    CHECK(opened.split.test.class_names.at(9) == "ankle boot");
    CHECK(opened.split.test.name == "Fashion-MNIST");
  }
  SECTION("images by class") {
    for (const char* name : {"a", "b"}) {
      std::filesystem::create_directories(folder.file(name));
      for (int i = 0; i < 5; ++i) {
        write_image(folder.file(name + ("/" + std::to_string(i)) + ".png"), smooth_image(9, 9, 3));
      }
    }
    const auto opened = data::open_dataset(folder.path());
    CHECK(opened.split.train.images.shape() == Shape{8, 32, 32, 3});
    CHECK(opened.where == folder.path());
    CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.image = {.limits = {.pixels = 80}}}),
                      Contains("expected at most 80 pixels"));
  }
  SECTION("CIFAR-10") {
    write_broken_cifar10(folder.path());
    CHECK_THROWS_WITH(data::open_dataset(folder.path()), Contains("expected 30730000 bytes"));
  }
  SECTION("CIFAR-100") {
    write_bytes(folder.file("train.bin"), "short");
    CHECK_THROWS_WITH(data::open_dataset(folder.path()), Contains("expected 153700000 bytes"));
  }
}

TEST_CASE("a folder that is none of them is refused with the list of them") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(
      data::open_dataset(folder.path()),
      folder.path() +
          ": expected CIFAR-10 (data_batch_1.bin ... test_batch.bin), CIFAR-100 "
          "(train.bin, test.bin), MNIST or Fashion-MNIST (train-images-idx3-ubyte[.gz] "
          "...), or a folder of images for each class, found none of these");
  CHECK_THROWS_WITH(data::open_dataset(folder.file("none")),
                    folder.file("none") + ": expected a folder, found none");
  write_bytes(folder.file("file"), "x");
  CHECK_THROWS_AS(data::open_dataset(folder.file("file")), FileError);
}

TEST_CASE("images of MNIST's files that do not become 32x32 and colour are refused") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  const auto refused = [&](const std::string& dims, const std::string& values,
                           const data::OpenOptions& options, const std::string& message) {
    write_bytes(folder.file("train-images-idx3-ubyte"), idx_bytes(dims, values));
    write_bytes(folder.file("train-labels-idx1-ubyte"),
                idx_bytes(dims.substr(0, 1), std::string(values.size() / 2, '\0')));
    CHECK_THROWS_WITH(data::open_dataset(folder.path(), options),
                      "MNIST in " + folder.path() + ": " + message);
  };
  refused("\1\1\1\2", "ab", {},
          "expected images of one channel and at most 32x32, got (1, 1, 1, 2)");
  refused("\1\1\2", "ab", {.width = 1},
          "expected images of one channel and at most 32x1, got (1, 1, 2, 1)");
  // Dots.
  refused("\x7f\1\2", std::string(254, 'a'), {.height = 500, .width = 500},
          "expected images that fill a part of 500x500, got (127, 1, 2, 1)");
}

TEST_CASE("auto takes CIFAR-10, else Fashion-MNIST, else draws") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("empty"));
  auto options = nothing_installed;
  SECTION("CIFAR-10 from the environment") {
    write_broken_cifar10(folder.file("named/cifar-10-batches-bin"));
    write_mnist(folder.file("fashion"));
    options.fashion_mnist = folder.file("fashion");
    const Surroundings surroundings(folder.file("named"), folder.file("empty"));
    CHECK_THROWS_WITH(data::open_dataset("auto", options),
                      Contains("named/cifar-10-batches-bin/data_batch_1.bin: expected"));
  }
  SECTION("CIFAR-10 from ./data") {
    write_broken_cifar10(folder.file("data"));
    const Surroundings surroundings("/nonexistent", folder.path());
    CHECK_THROWS_WITH(data::open_dataset("auto", options), Contains("data/data_batch_1.bin"));
  }
  SECTION("Fashion-MNIST") {
    write_mnist(folder.file("fashion"));
    options.fashion_mnist = folder.file("fashion");
    const Surroundings surroundings("", folder.file("empty"));
    const auto opened = data::open_dataset("auto", options);
    CHECK(opened.where == folder.file("fashion"));
    CHECK(opened.split.train.name == "Fashion-MNIST");
    CHECK(opened.split.train.images.shape() == Shape{3, 32, 32, 3});
  }
  SECTION("the synthetic images") {
    const Surroundings surroundings("", folder.file("empty"));
    const auto opened = data::open_dataset("auto", options);
    CHECK(opened.describe() ==
          "synthetic shapes from this program's own drawing: 20 training and 10 test images "
          "32x32x3, 10 classes");
  }
}
