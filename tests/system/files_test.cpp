#include "cnnrnn/system/files.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "cnnrnn/system/paths.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

void write_new(const std::string& path, const std::string& text) {
  std::error_code error;
  auto file = os::File::create(path, error);
  REQUIRE_FALSE(error);
  file.write(bytes_of(text), error);
  REQUIRE_FALSE(error);
  file.sync(error);
  REQUIRE_FALSE(error);
  REQUIRE_FALSE(file.close());
}

std::string read(const std::string& path) {
  std::error_code error;
  auto file = os::File::open(path, error);
  REQUIRE_FALSE(error);
  std::string text(100, '.');
  text.resize(file.read(std::as_writable_bytes(std::span(text)), error));
  REQUIRE_FALSE(error);
  return text;
}

}  // namespace

TEST_CASE("names with spaces, in any script, and longer than 260 characters are names of files") {
  const TemporaryFolder folder;
  const std::string longer = std::string(120, 'a') + '/' + std::string(120, 'b') + '/';
  std::error_code error;
  os::make_folders(folder.path() + '/' + longer, error);
  CHECK_FALSE(error);
  for (const std::string name :
       {"with spaces .txt", "Gr\u00fc\u00dfe \u2014 \u6f22\u5b57 \U0001f600.txt", "long.txt"}) {
    const std::string path = folder.path() + '/' + (name == "long.txt" ? longer : "") + name;
    write_new(path, "one\r\ntwo\n\x1a three");
    CHECK(os::kind_of_file(path) == os::FileKind::regular);
    CHECK(read(path) == "one\r\ntwo\n\x1a three");
    CHECK(os::to_name(os::to_path(path).filename()) == name);
    os::remove_file(path, error);
    CHECK_FALSE(error);
    CHECK(os::kind_of_file(path) == os::FileKind::none);
  }
}

TEST_CASE("a folder lists what is in it, whatever its name") {
  const TemporaryFolder folder;
  const std::string longer =
      folder.path() + "/Gr\u00fc\u00dfe " + std::string(120, 'a') + '/' + std::string(120, 'b');
  std::error_code error;
  CHECK(os::names_in_folder(longer, error).empty());
  CHECK(os::reason(error) == "No such file or directory");
  for (const std::string& path : {folder.path(), longer}) {
    os::make_folders(path + "/\u6f22\u5b57", error);
    write_new(path + "/file", "");
    auto names = os::names_in_folder(path, error);
    REQUIRE_FALSE(error);
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"file", "\u6f22\u5b57"});
    CHECK(os::joined(path, names[0]) == path + "/file");
    CHECK(os::is_folder(os::joined(path, names[1]), error));
    CHECK_FALSE(os::is_folder(os::joined(path, names[0]), error));
    os::remove_file(path + "/file", error);
  }
}

TEST_CASE("a file knows its kind and size") {
  const TemporaryFolder folder;
  write_new(folder.file("file"), "12345");
  std::error_code error;
  const os::FileStatus status = os::File::open(folder.file("file"), error).status(error);
  CHECK(status.kind == os::FileKind::regular);
  CHECK(status.bytes == 5);
  CHECK(os::File::open(folder.path(), error).status(error).kind == os::FileKind::folder);
  CHECK(os::kind_of_file(folder.path()) == os::FileKind::folder);
}

TEST_CASE("errors have C's words") {
  const TemporaryFolder folder;
  std::error_code error;
  CHECK_FALSE(os::File::open(folder.file("none"), error).is_open());
  CHECK(os::reason(error) == "No such file or directory");
  write_new(folder.file("file"), "");
  CHECK_FALSE(os::File::create(folder.file("file"), error).is_open());
  CHECK(error == std::errc::file_exists);
  CHECK(os::reason(error) == "File exists");
  os::replace_file(folder.file("none"), folder.file("file"), error);
  CHECK(os::reason(error) == "No such file or directory");
}

TEST_CASE("a file takes the place of another") {
  const TemporaryFolder folder;
  write_new(folder.file("old"), "old");
  write_new(folder.file("new"), "new");
  std::error_code error;
  os::File other;
  SECTION("which nobody has open") {}
#if !defined(_WIN32)
  SECTION("which is open") {
    other = os::File::open(folder.file("old"), error);
    REQUIRE(other.is_open());
  }
#endif
  os::replace_file(folder.file("new"), folder.file("old"), error);
  CHECK_FALSE(error);
  CHECK(read(folder.file("old")) == "new");
  CHECK(folder.files() == 1);
}

#if defined(_WIN32)
TEST_CASE("a file that another program has open is replaced when it is closed, or stays") {
  const TemporaryFolder folder;
  write_new(folder.file("old"), "old");
  write_new(folder.file("new"), "new");
  std::error_code error;
  std::ifstream other(os::to_path(folder.file("old")));
  os::replace_file(folder.file("new"), folder.file("old"), error);
  CHECK_THAT(os::reason(error), Catch::Matchers::StartsWith("Permission denied"));
  CHECK(read(folder.file("old")) == "old");
  std::thread closing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    other.close();
  });
  os::replace_file(folder.file("new"), folder.file("old"), error);
  closing.join();
  CHECK_FALSE(error);
  CHECK(read(folder.file("old")) == "new");
}
#endif
