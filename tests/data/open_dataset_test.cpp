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

/// An empty one counts as none.
void set_data_dir(const std::string& folder) {
#if defined(_WIN32)
  ::_putenv_s("CNNRNN_DATA_DIR", folder.c_str());
#else
  ::setenv("CNNRNN_DATA_DIR", folder.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
#endif
}

/// Sets an environment variable and the working folder for a scope.
class Surroundings {
 public:
  Surroundings(const std::string& data_dir, const std::string& folder)
      : before_(std::filesystem::current_path()) {
    set_data_dir(data_dir);
    std::filesystem::current_path(folder);
  }
  ~Surroundings() {
    set_data_dir("");
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
  SECTION("MNIST's format, brought to 32x32 and three channels") {
    write_mnist(folder.path());
    const auto opened = data::open_dataset(folder.path());
    CHECK(opened.split.train.images.shape() == Shape{3, 32, 32, 3});
    CHECK(opened.split.train.images(2, 16, 16, 1) == 12);
    CHECK(opened.split.train.class_names.at(9) == "9");
    CHECK(opened.kind == "idx");
    CHECK(opened.describe() == "images in MNIST's format from " + folder.path() +
                                   ": 3 training and 1 test images 32x32x3, 10 classes");
    CHECK(opened.notes ==
          std::vector<std::string>{"these are not the labels of MNIST or Fashion-MNIST, so the "
                                   "classes have numbers for names; the kind mnist, fashion-mnist "
                                   "or kmnist gives them its own"});
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
    CHECK(opened.kind == "images");
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

TEST_CASE("data sets in MNIST's format are told apart by their labels, wherever they lie") {
  const std::string mnist("\5\0\4\1\x9\2\1\3\1\4\3\5\3\6\1\7\2\x8\6\x9\4", 21);
  const std::string fashion("\x9\0\0\3\0\2\7\2\5\5\0\x9\5\5\7\x9\1\0\6\4", 20);
  const TemporaryFolder folder;
  for (const char* const name : {"fashionista/mnist", "FashionMNIST/raw", "x"}) {
    const std::string place = folder.file(name);
    write_mnist(place);
    write_mnist_labels(place, mnist);
    auto opened = data::open_dataset(place);
    CHECK(opened.split.test.name == "MNIST");
    CHECK(opened.kind == "mnist");
    CHECK(opened.split.test.class_names == data::mnist_class_names());
    write_mnist_labels(place, fashion);
    opened = data::open_dataset(place);
    CHECK(opened.split.test.name == "Fashion-MNIST");
    CHECK(opened.split.test.class_names.at(9) == "ankle boot");
    CHECK(opened.notes.empty());
    CHECK_THROWS_WITH(data::open_dataset(place, {.kind = "mnist"}),
                      place + ": expected mnist, got Fashion-MNIST, by its labels");
    // One other label, or one too few.
    auto changed = fashion;
    changed.back() = 5;
    for (const auto& labels : {changed, fashion.substr(0, 19)}) {
      write_mnist_labels(place, labels);
      opened = data::open_dataset(place);
      CHECK(opened.split.train.name == "images in MNIST's format");
      CHECK(opened.split.train.classes() == 10);
      opened = data::open_dataset(place, {.kind = "fashion-mnist"});
      CHECK(opened.split.train.name == "Fashion-MNIST");
      CHECK(opened.notes.empty());
      CHECK(data::open_dataset(place, {.kind = "kmnist"}).split.train.class_names.at(3) == "tsu");
    }
  }
}

TEST_CASE("data in MNIST's format may have any number of classes") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  write_mnist_labels(folder.path(), "\1\x1a\x2e");
  const auto opened = data::open_dataset(folder.path());
  CHECK(opened.split.train.classes() == 47);
  CHECK(opened.split.test.class_names.back() == "46");
  CHECK(data::open_dataset(folder.path(), {.kind = "idx"}).notes.empty());
  CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.kind = "mnist"}),
                    Contains("expected labels below 10, got 46"));
}

TEST_CASE("EMNIST's own file names will do") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  const auto rename = [&](const std::string& split) {
    for (const auto& [part, called] : {std::pair("train", "train"), {"t10k", "test"}}) {
      for (const char* const what : {"-images-idx3-ubyte", "-labels-idx1-ubyte"}) {
        std::filesystem::rename(folder.file(std::string(part) + what),
                                folder.file("emnist-" + split + '-' + called + what));
      }
    }
  };
  rename("letters");
  for (const char* const kind : {"auto", "idx"}) {
    const auto opened = data::open_dataset(folder.path(), {.kind = kind});
    CHECK(opened.kind == "idx");
    CHECK(opened.split.train.size() == 3);
    CHECK(opened.split.test.size() == 1);
  }
  write_bytes(folder.file("emnist-letters-train-images-idx3-ubyte.gz"), "packed");
  CHECK(data::open_dataset(folder.path()).split.train.size() == 3);
  write_mnist(folder.path());
  rename("digits");
  CHECK_THROWS_WITH(data::open_dataset(folder.path()),
                    folder.path() + ": expected one split of EMNIST, got " +
                        folder.file("emnist-digits-train-labels-idx1-ubyte") + " and " +
                        folder.file("emnist-letters-train-labels-idx1-ubyte"));
  CHECK(data::is_mnist(folder.path()));
  CHECK_THROWS_WITH(data::open_dataset(folder.path() + '/'), Contains("expected one split"));
}

TEST_CASE("a folder above, as torchvision makes it, will do") {
  const std::string fashion("\x9\0\0\3\0\2\7\2\5\5\0\x9\5\5\7\x9\1\0\6\4", 20);
  const TemporaryFolder folder;
  write_mnist(folder.file("FashionMNIST/raw"));
  write_mnist_labels(folder.file("FashionMNIST/raw"), fashion);
  CHECK(data::open_dataset(folder.path()).where == folder.file("FashionMNIST/raw"));
  CHECK(data::open_dataset(folder.file("FashionMNIST")).where == folder.file("FashionMNIST/raw"));
  write_mnist(folder.file("MNIST/raw"));
  const auto first = data::open_dataset(folder.path());
  CHECK(first.where == folder.file("MNIST/raw"));
  CHECK(first.notes.back() ==
        folder.path() + " holds more than one data set, of which this is the first: " +
            folder.file("MNIST/raw") + ", " + folder.file("FashionMNIST/raw"));
  CHECK(data::open_dataset(folder.path(), {.kind = "mnist"}).where == folder.file("MNIST/raw"));
  const auto second = data::open_dataset(folder.path(), {.kind = "fashion-mnist"});
  CHECK(second.where == folder.file("FashionMNIST/raw"));
  CHECK(second.notes.empty());
  write_broken_cifar10(folder.file("cifar-10-batches-bin"));
  CHECK_THROWS_WITH(data::open_dataset(folder.path()), Contains("data_batch_1.bin"));
  CHECK(data::open_dataset(folder.path(), {.kind = "mnist"}).split.test.name == "MNIST");
}

TEST_CASE("a kind that is not there, or not known, is named") {
  const TemporaryFolder folder;
  write_mnist(folder.path());
  CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.kind = "cifar10"}),
                    folder.path() + ": expected cifar10, found no such data set");
  CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.kind = "synthetic"}),
                    folder.path() + ": expected synthetic, found no such data set");
  CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.kind = "svhn"}),
                    "expected a data set of the kind auto, cifar10, cifar100, mnist, "
                    "fashion-mnist, kmnist, idx, images, synthetic, got svhn");
  CHECK_THROWS_WITH(data::open_dataset(folder.path(), {.kind = "images"}),
                    Contains("expected at least two folders with images"));
  for (const char* const name : {"py/cifar-10-batches-py", "py10", "py100/cifar-100-python"}) {
    std::filesystem::create_directories(folder.file(name));
  }
  write_bytes(folder.file("py/cifar-10-batches-py/data_batch_1"), "x");
  write_bytes(folder.file("py10/data_batch_1"), "x");
  write_bytes(folder.file("py100/cifar-100-python/train"), "x");
  for (const char* const name : {"py", "py10", "py100"}) {
    CHECK_THROWS_WITH(data::open_dataset(folder.file(name)),
                      folder.file(name) +
                          ": expected CIFAR's binary version (cifar-10-binary.tar.gz, "
                          "cifar-100-binary.tar.gz), got its Python version");
  }
}

TEST_CASE("every data set can be prepared as another one was") {
  const data::Preparation grey{.height = 28, .width = 28, .grey = true};
  auto options = nothing_installed;
  options.preparation = grey;
  const TemporaryFolder folder;
  SECTION("images") {
    for (const char* name : {"a", "b"}) {
      std::filesystem::create_directories(folder.file(name));
      for (int i = 0; i < 5; ++i) {
        write_image(folder.file(name + ("/" + std::to_string(i)) + ".png"),
                    smooth_image(28, 28, 3));
      }
    }
  }
  SECTION("MNIST's format") { write_mnist(folder.path()); }
  SECTION("drawn images") {
    options.kind = "synthetic";
    const Surroundings surroundings("", folder.path());
    const auto drawn = data::open_dataset("auto", nothing_installed);
    CHECK(drawn.preparation == data::Preparation{});
    CHECK(drawn.kind == "synthetic");
  }
  const auto opened =
      data::open_dataset(options.kind == "synthetic" ? "auto" : folder.path(), options);
  CHECK(opened.preparation == grey);
  for (const auto& part : {opened.split.train, opened.split.test}) {
    REQUIRE(part.images.shape() == Shape{part.size(), 32, 32, 3});
    CHECK(part.images(0, 1, 16, 0) == 0);
    CHECK(part.images(0, 2, 16, 0) > 0);
    CHECK(part.images(0, 16, 16, 0) == part.images(0, 16, 16, 2));
  }
}

TEST_CASE("a folder of images says what was not read") {
  const TemporaryFolder folder;
  for (const char* name : {"train/a", "train/b", "val/a", "val/b", "test/a", "test/b"}) {
    std::filesystem::create_directories(folder.file(name));
    write_image(folder.file(std::string(name) + "/1.png"), smooth_image(9, 9, 3));
    write_bytes(folder.file(std::string(name) + "/2.webp"), "x");
  }
  write_bytes(folder.file("train/a/3.jpg"), "broken");
  CHECK_THROWS_WITH(data::open_dataset(folder.path()), Contains("3.jpg"));
  const auto opened = data::open_dataset(folder.path(), {.skip_unreadable = true});
  CHECK(opened.notes ==
        std::vector<std::string>{"passed over, since they are no images of a class: 4 .webp",
                                 "not used: val", "left out, since they cannot be read: 1 files"});
  CHECK(opened.preparation == data::Preparation{});
}

TEST_CASE("a folder that is none of them is refused with the list of them") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(
      data::open_dataset(folder.path()),
      folder.path() +
          ": expected CIFAR-10 (data_batch_1.bin ... test_batch.bin), CIFAR-100 "
          "(train.bin, test.bin), MNIST or Fashion-MNIST (train-images-idx3-ubyte[.gz] "
          "...), or a folder of images (" +
          data::joined_image_suffixes() + ") for each class, found none of these");
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
                      "images in MNIST's format in " + folder.path() + ": " + message);
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
    const Surroundings surroundings("", folder.path());
    CHECK_THROWS_WITH(data::open_dataset("auto", options), Contains("data/data_batch_1.bin"));
  }
  SECTION("any data set from the environment") {
    write_mnist(folder.file("named"));
    const Surroundings surroundings(folder.file("named"), folder.file("empty"));
    CHECK(data::open_dataset("auto", options).where == folder.file("named"));
    options.kind = "synthetic";
    CHECK(data::open_dataset("auto", options).split.train.name == "synthetic shapes");
  }
  SECTION("an environment that names no data set is an error, not passed over") {
    const Surroundings surroundings(folder.file("gone"), folder.file("empty"));
    CHECK_THROWS_WITH(
        data::open_dataset("auto", options),
        "$CNNRNN_DATA_DIR: " + folder.file("gone") + ": expected a folder, found none");
    std::filesystem::create_directory(folder.file("gone"));
    CHECK_THROWS_WITH(data::open_dataset("auto", options),
                      Contains("$CNNRNN_DATA_DIR: " + folder.file("gone") + ": expected CIFAR-10"));
  }
  SECTION("a kind that is nowhere") {
    const Surroundings surroundings("", folder.file("empty"));
    options.kind = "cifar100";
    CHECK_THROWS_WITH(data::open_dataset("auto", options), "data: expected a folder, found none");
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
