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
  for (const char* name : {"/bee", "/ant", "/.hidden"}) {
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
  const auto last = data::read_image_folder(folder.path(), {.test_every = 11});
  REQUIRE(last.test.size() == 2);
  CHECK(last.test.images(0, 0, 0, 0) == 10);
  CHECK(last.test.labels(1) == 1);
  CHECK_THROWS_WITH(data::read_image_folder(folder.path(), {.test_every = 1}),
                    "image folder: expected test_every of 2 or more, got 1");
}

TEST_CASE("a class of two images has one for testing, a single image is for training") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  const auto split = data::read_image_folder(folder.path());
  CHECK(split.train.size() == 2);
  REQUIRE(split.test.size() == 1);
  CHECK(split.test.images(0, 0, 0, 0) == 2);
  std::filesystem::remove(folder.file("bee/b.png"));
  CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                    folder.path() +
                        ": expected two images or more in a class, or folders train and test, got "
                        "one in each");
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

TEST_CASE("a class without images is named, not left out") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  const std::string cow = folder.file("cow");
  std::filesystem::create_directory(cow);
  const auto refused = [&](const std::string& got) {
    CHECK(data::is_image_folder(folder.path()));
    CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                      cow + ": expected images of this class (" + data::joined_image_suffixes() +
                          "), got " + got);
  };
  refused("nothing");
  write_bytes(cow + "/a.webp", "x");
  write_bytes(cow + "/b.WEBP", "x");
  write_bytes(cow + "/c.tif", "x");
  refused("1 .tif, 2 .webp");
  std::filesystem::create_directory(cow + "/calves.png");
  refused("1 .tif, 2 .webp, 1 folders");
}

TEST_CASE("what is passed over is counted, by suffix") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  std::filesystem::create_directory(folder.file("ant/queens"));
  write_bytes(folder.file("ant/x.webp"), "x");
  write_bytes(folder.file("ant/README"), "x");
  write_image(folder.file("root.png"), plain(5, 8, 8));
  data::LeftOut left_out;
  data::read_image_classes(folder.path(), {}, &left_out);
  CHECK(data::detail::describe(left_out.passed_over) ==
        "2 .txt, 1 .webp, 1 folders, 1 images outside of a class, 1 without suffix");
  CHECK(left_out.unreadable.empty());
}

#if !defined(_WIN32)  // whose standard library makes no links
TEST_CASE("files that cannot be read are left out on demand, and named") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  write_bytes(folder.file("bee/c.png"), "broken");
  std::filesystem::create_symlink("gone.png", folder.file("bee/d.png"));
  data::LeftOut left_out;
  const auto dataset =
      data::read_image_classes(folder.path(), {.skip_unreadable = true}, &left_out);
  CHECK(dataset.size() == 3);
  REQUIRE(left_out.unreadable.size() == 2);
  CHECK(left_out.unreadable[0].starts_with(folder.file("bee/c.png") + ": expected a PNG"));
  CHECK(left_out.unreadable[1] ==
        "cannot open " + folder.file("bee/d.png") + ": No such file or directory");
  CHECK(data::read_image_classes(folder.path(), {.skip_unreadable = true}).size() == 3);
  write_bytes(folder.file("ant/c.bmp"), "broken");
  CHECK_THROWS_WITH(
      data::read_image_classes(folder.path(), {.skip_unreadable = true}),
      folder.file("ant") + ": expected images of this class, got only files that cannot be read");
}
#endif

TEST_CASE("what lies beside the training and the test folder is named") {
  const TemporaryFolder folder;
  write_classes(folder.file("train"));
  write_classes(folder.file("test"));
  std::filesystem::create_directory(folder.file("extra"));
  write_bytes(folder.file("labels.csv"), "x");
  write_image(folder.file("root.png"), plain(5, 8, 8));
  data::LeftOut left_out;
  data::read_image_folder(folder.path(), {}, &left_out);
  CHECK(left_out.parts == std::vector<std::string>{"extra"});
  CHECK(data::detail::describe(left_out.passed_over) ==
        "1 .csv, 4 .txt, 1 images outside of a class");
}

TEST_CASE("parts have names in letters of any case") {
  for (const auto& [train, test] : {std::pair("Train", "TEST"),
                                    {"training", "testing"},
                                    {"train", "Dev"},
                                    {"train", "eval"},
                                    {"Training", "evaluation"}}) {
    CAPTURE(train, test);
    const TemporaryFolder folder;
    write_classes(folder.file(train));
    write_classes(folder.file(test));
    write_image(folder.file(test) + std::string("/ant/e.png"), plain(9, 32, 32));
    REQUIRE(data::is_image_folder(folder.path()));
    const auto split = data::read_image_folder(folder.path());
    CHECK(split.train.size() == 3);
    CHECK(split.test.size() == 4);
  }
}

TEST_CASE("training images alone are refused") {
  const TemporaryFolder folder;
  write_classes(folder.file("train"));
  CHECK(data::is_image_folder(folder.path()));
  CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                    folder.path() + ": expected test or val beside train");
  std::filesystem::create_directory(folder.file("notes"));
  CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                    folder.path() + ": expected test or val beside train");
}

TEST_CASE("parts without classes are not taken for classes") {
  for (const char* const name : {"test", "Val"}) {
    const TemporaryFolder folder;
    for (const std::string part : {"train", name}) {
      std::filesystem::create_directory(folder.file(part));
      write_image(folder.file(part + "/a.png"), plain(1, 8, 8));
      write_image(folder.file(part + "/b.png"), plain(2, 8, 8));
    }
    const std::string expected =
        folder.path() + ": expected folders of classes in train and test, got images";
    CHECK(data::is_image_folder(folder.path()));
    CHECK_THROWS_WITH(data::read_image_folder(folder.path()), expected);
    std::filesystem::remove_all(folder.file("train"));
    write_classes(folder.file("train"));
    std::filesystem::remove_all(folder.file("train/.hidden"));
    CHECK_THROWS_WITH(data::read_image_folder(folder.path()), expected);
  }
}

TEST_CASE("val, valid or validation stand for a missing test folder") {
  for (const char* const name : {"val", "valid", "validation"}) {
    const TemporaryFolder folder;
    write_classes(folder.file("train"));
    write_classes(folder.file(name));
    write_image(folder.file(name) + std::string("/ant/e.png"), plain(9, 32, 32));
    REQUIRE(data::is_image_folder(folder.path()));
    data::LeftOut left_out;
    const auto split = data::read_image_folder(folder.path(), {}, &left_out);
    CHECK(split.train.size() == 3);
    CHECK(split.test.size() == 4);
    CHECK(left_out.parts.empty());
    write_classes(folder.file("test"));
    CHECK(data::read_image_folder(folder.path(), {}, &left_out).test.size() == 3);
    CHECK(left_out.parts == std::vector<std::string>{name});
    std::filesystem::remove_all(folder.file("test/ant"));
    CHECK_THROWS_AS(data::read_image_folder(folder.path()), FileError);
  }
}

TEST_CASE("classes may be named train and test") {
  const TemporaryFolder folder;
  for (const char* const name : {"bus", "test", "train"}) {
    std::filesystem::create_directories(folder.file(name));
    for (const char* const image : {"a.png", "b.png"}) {
      write_image(folder.file(name) + '/' + image, plain(1, 8, 8));
    }
  }
  const auto split = data::read_image_folder(folder.path(), {.test_every = 2});
  CHECK(split.train.class_names == std::vector<std::string>{"bus", "test", "train"});
}

#if !defined(_WIN32)
TEST_CASE("links and names that lead nowhere are errors with a path") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  SECTION("a loop of links, as a class and as an image") {
    std::filesystem::create_symlink("loop", folder.file("loop"));
    CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                      "cannot read " + folder.file("loop") + ": Too many levels of symbolic links");
    std::filesystem::rename(folder.file("loop"), folder.file("bee/loop.png"));
    std::filesystem::create_symlink("loop.png", folder.file("bee/loop"));
    std::filesystem::remove(folder.file("bee/loop.png"));
    std::filesystem::create_symlink("loop.png", folder.file("bee/loop.png"));
    CHECK_THROWS_WITH(
        data::read_image_folder(folder.path()),
        "cannot open " + folder.file("bee/loop.png") + ": Too many levels of symbolic links");
  }
  SECTION("a link to nothing may have been a class") {
    std::filesystem::create_symlink("gone", folder.file("dog"));
    CHECK(data::is_image_folder(folder.path()));
    CHECK_THROWS_WITH(data::read_image_folder(folder.path()),
                      "cannot read " + folder.file("dog") + ": No such file or directory");
  }
  SECTION("a link to a class is one") {
    std::filesystem::create_directory_symlink("ant", folder.file("emmet"));
    CHECK(data::read_image_classes(folder.path()).classes() == 3);
  }
  SECTION("names that cannot be printed") {
    for (const auto& [name, shown] :
         {std::pair("caf\xe9", "caf\\xe9"), {"two\nlines", "two\\nlines"}}) {
      write_classes(folder.file("x"));
      std::filesystem::rename(folder.file("x/ant"), folder.file("x") + '/' + name);
      CHECK_THROWS_WITH(
          data::read_image_folder(folder.file("x")),
          folder.file("x") +
              ": expected names of classes in UTF-8 without control characters, got " + shown);
      std::filesystem::remove_all(folder.file("x"));
    }
  }
}
#endif

TEST_CASE("a preparation takes the place of the size") {
  const TemporaryFolder folder;
  write_classes(folder.path());
  const auto dataset = data::read_image_classes(
      folder.path(), {.preparation = data::Preparation{.height = 28, .width = 28, .grey = true}});
  REQUIRE(dataset.images.shape() == Shape{3, 32, 32, 3});
  CHECK(dataset.images(1, 1, 16, 0) == 0);
  CHECK(dataset.images(1, 2, 16, 0) == 1);
}
