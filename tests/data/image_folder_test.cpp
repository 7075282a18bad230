#include "cnnrnn/data/image_folder.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/write_image.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

Tensor<std::uint8_t> plain(std::uint8_t value, Index height, Index width) {
  return Tensor<std::uint8_t>::full(Shape{height, width, 3}, value);
}

/// folder/bee/{a,b}.png of value 1 and 2, folder/ant/c.bmp of value 3; things that are no images.
void write_classes(const std::string& folder) {
  for (const char* name : {"/bee", "/ant", "/empty", "/.hidden"}) {
    std::filesystem::create_directories(folder + name);
  }
  write_image(folder + "/bee/b.png", plain(2, 40, 40));
  write_image(folder + "/bee/a.png", plain(1, 3, 90));
  write_image(folder + "/ant/c.bmp", plain(3, 32, 32));
  write_image(folder + "/.hidden/d.png", plain(4, 8, 8));
  write_bytes(folder + "/bee/notes.txt", "no image");
  write_bytes(folder + "/list.txt", "no class");
}

}  // namespace

TEST_CASE("a folder of images by class is read in the order of its names") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  CHECK(data::is_image_folder(folder.path()));
  const auto dataset = data::read_image_classes(folder.path(), {.height = 8, .width = 16});
  CHECK_NOTHROW(data::check_dataset(dataset));
  CHECK(dataset.class_names == std::vector<std::string>{"ant", "bee"});
  REQUIRE(dataset.images.shape() == Shape{3, 8, 16, 3});
  CHECK(dataset.labels(0) == 0);
  CHECK(dataset.labels(2) == 1);
  CHECK(dataset.images(0, 0, 0, 0) == 3);
  CHECK(dataset.images(1, 7, 15, 2) == 1);
  CHECK(dataset.images(2, 4, 8, 1) == 2);
}

TEST_CASE("train and test folders are the two parts") {
  const TemporaryFolder folder;
  write_classes(folder.file("train"));
  write_classes(folder.file("test"));
  REQUIRE(data::is_image_folder(folder.path()));
  const auto split = data::read_image_folder(folder.path());
  CHECK(split.train.images.shape() == Shape{3, 32, 32, 3});
  CHECK(split.test.images.shape() == Shape{3, 32, 32, 3});
  CHECK(split.test.name == folder.path());
  std::filesystem::rename(folder.file("test/bee"), folder.file("test/cow"));
  CHECK_THROWS_WITH(
      data::read_image_folder(folder.path()),
      folder.file("test") + ": expected the classes of train, ant, bee, got ant, cow");
}

TEST_CASE("without them, every fifth image of a class is for testing") {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directories(folder.file(name));
    for (std::uint8_t i = 1; i <= 10; ++i) {
      write_image(folder.file(std::string(name) + "/" + static_cast<char>('a' + i) + ".png"),
                  plain(i, 2, 2));
    }
  }
  const auto split = data::read_image_folder(folder.path());
  REQUIRE(split.train.size() == 16);
  REQUIRE(split.test.size() == 4);
  CHECK(split.test.images(0, 0, 0, 0) == 5);
  CHECK(split.test.images(3, 0, 0, 0) == 10);
  CHECK(split.test.labels(3) == 1);
  CHECK_THROWS_WITH(data::read_image_folder(folder.path(), {.test_every = 11}),
                    folder.path() +
                        ": expected at least 11 images in a class, or folders train "
                        "and test, got at most 10");
  CHECK_THROWS_WITH(data::read_image_folder(folder.path(), {.test_every = 1}),
                    "image folder: expected test_every of 2 or more, got 1");
}

TEST_CASE("a folder that is not right is refused") {
  const TemporaryFolder folder;
  CHECK_FALSE(data::is_image_folder(folder.path()));
  CHECK_FALSE(data::is_image_folder(folder.file("none")));
  CHECK_THROWS_WITH(
      data::read_image_classes(folder.file("none")),
      "cannot read the folder " + folder.file("none") + ": No such file or directory");
  CHECK_THROWS_WITH(data::read_image_classes(folder.path()),
                    folder.path() +
                        ": expected at least two folders with images (.png, .jpg, .jpeg, .jpe, "
                        ".jfif, .bmp, .gif, .ppm, .pgm, .pnm, .tga), got 0");
  write_classes(folder.path());
  write_bytes(folder.file("bee/a.png"), "broken");
  CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                    Contains(folder.file("bee/a.png") + ": expected a PNG, JPEG, BMP, GIF,"));
}
