#include "cnnrnn/data/gzip.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/untouched_bytes.hpp"

using namespace cnnrnn;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// What `printf 'hello hello hello hello\n' | gzip -9n` writes.
const Bytes hello{0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                  0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb9,
                  0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00};
constexpr std::size_t header_bytes = 10;
constexpr std::size_t trailer_bytes = 8;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

void append_little_endian(Bytes& to, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i, value >>= 8) {
    to.push_back(static_cast<std::uint8_t>(value & 0xff));
  }
}

/// A gzip file of blocks that are stored as they are.
Bytes stored(const Bytes& content) {
  Bytes file(hello.begin(), hello.begin() + header_bytes);
  constexpr std::size_t most = 0xffff;
  for (std::size_t at = 0; at == 0 || at < content.size(); at += most) {
    const std::size_t size = std::min(most, content.size() - at);
    file.push_back(at + size == content.size() ? 1 : 0);
    append_little_endian(file, size, 2);
    append_little_endian(file, size ^ most, 2);
    file.insert(file.end(), content.data() + at, content.data() + at + size);
  }
  append_little_endian(file, data::crc32(content), 4);
  append_little_endian(file, content.size(), 4);
  return file;
}

Bytes unpack(const Bytes& file, Index most = 1000) { return data::gunzip(file, most, "f"); }

}  // namespace

TEST_CASE("crc32 gives the check value of its standard") {
  CHECK(data::crc32(bytes_of("123456789")) == 0xcbf43926U);
  CHECK(data::crc32({}) == 0);
}

TEST_CASE("gunzip unpacks what gzip packed") {
  CHECK(unpack(hello) == bytes_of("hello hello hello hello\n"));
  const TemporaryFolder folder;
  write_bytes(folder.file("x.gz"), std::string(hello.begin(), hello.end()));
  CHECK(data::read_gzip(folder.file("x.gz"), 100) == bytes_of("hello hello hello hello\n"));
}

TEST_CASE("gunzip unpacks an empty file and one of several blocks") {
  CHECK(unpack(stored({})).empty());
  Bytes large(150'000);
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<std::uint8_t>(i * i >> 7);
  }
  CHECK(unpack(stored(large), 150'000) == large);
}

TEST_CASE("gunzip passes over a header's optional fields") {
  Bytes file(hello.begin(), hello.begin() + header_bytes);
  file[3] = 2 | 4 | 8 | 16;
  const Bytes fields{3, 0, 'a', 'b', 'c', 'n', 'a', 'm', 'e', 0, 'r', 'e', 'm', 0, 0x12, 0x34};
  file.insert(file.end(), fields.begin(), fields.end());
  file.insert(file.end(), hello.begin() + header_bytes, hello.end());
  CHECK(unpack(file) == unpack(hello));
  // A name that does not end, and extra bytes that are not there.
  CHECK_THROWS_WITH(unpack(Bytes(file.begin(), file.begin() + header_bytes + 8)),
                    "f: expected 4 more bytes of gzip, got 3");
  CHECK_THROWS_WITH(unpack(Bytes(file.begin(), file.begin() + header_bytes + 3)),
                    "f: expected 3 more bytes of gzip, got 1");
}

TEST_CASE("gunzip refuses what is no gzip file, with what was expected and what came") {
  const auto with = [](std::size_t position, int value) {
    Bytes file = hello;
    file.at(position) = static_cast<std::uint8_t>(value);
    return file;
  };
  const auto first = [](std::size_t size) { return Bytes(hello.data(), hello.data() + size); };
  struct Refusal {
    Bytes file;
    const char* message;
  };
  const std::vector<Refusal> table = {
      {{}, "expected a gzip file, which begins with the bytes 1f 8b, got others"},
      {with(1, 0), "expected a gzip file, which begins with the bytes 1f 8b, got others"},
      {with(2, 7), "expected gzip's method 8 (deflate), got 7"},
      {with(3, 0x40), "expected gzip flags below 32, got 64"},
      {first(header_bytes - 1), "expected 6 more bytes of gzip, got 5"},
      {first(header_bytes + 7), "expected 8 bytes at the end, got 7"},
      {with(hello.size() - trailer_bytes, 1), "expected the CRC32 190416897, got 190416896"},
      {with(hello.size() - 4, 25), "expected to unpack to 25 bytes, got 24"},
      {with(hello.size() - 4, 23), "expected gzip data of 23 bytes, got broken data or more of it"},
      {with(header_bytes, 0x07), "expected gzip data of 24 bytes, got broken data or more of it"},
      {with(hello.size() - 1, 0x7f),
       "expected to unpack to at most 1000 bytes, and 11 packed bytes to be enough, got the size "
       "2130706456"}};
  for (const auto& [file, message] : table) {
    CHECK_THROWS_AS(unpack(file), FileError);
    CHECK_THROWS_WITH(unpack(file), std::string("f: ") + message);
  }
  CHECK_THROWS_WITH(unpack(hello, 23),
                    "f: expected to unpack to at most 23 bytes, and 11 packed bytes to be enough, "
                    "got the size 24");
}

TEST_CASE("gunzip refuses what is too large for it before it looks at it") {
  const UntouchedBytes large(std::size_t{1} << 31);
  CHECK_THROWS_WITH(data::gunzip(large.span(), 1000, "f"),
                    "f: expected less than 2 GB, got 2147483648 bytes");
}

TEST_CASE("gunzip survives every truncation and every changed byte") {
  for (std::size_t size = 0; size < hello.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(unpack(Bytes(hello.data(), hello.data() + size)), FileError);
  }
  for (std::size_t position = 0; position < hello.size(); ++position) {
    for (int flip = 1; flip < 256; ++flip) {
      Bytes file = hello;
      file[position] = static_cast<std::uint8_t>(file[position] ^ flip);
      Bytes unpacked = unpack(hello);
      try {
        unpacked = unpack(file);
      } catch (const FileError&) {
      }
      CHECK(unpacked == unpack(hello));
    }
  }
}

TEST_CASE("read_gzip bounds the packed file too") {
  const TemporaryFolder folder;
  write_bytes(folder.file("x.gz"), std::string(hello.begin(), hello.end()));
  CHECK_THROWS_WITH(data::read_gzip(folder.file("x.gz"), 24),
                    folder.file("x.gz") + ": expected at most 24 bytes, got 29");
  CHECK_THROWS_WITH(data::read_gzip(folder.file("none.gz"), 24),
                    "cannot open " + folder.file("none.gz") + ": No such file or directory");
}

TEST_CASE("a small gzip file cannot claim a large content") {
  Bytes file(hello.begin(), hello.begin() + header_bytes);
  file.resize(200'000);
  append_little_endian(file, 0, 4);
  append_little_endian(file, 150'000'000, 4);
  CHECK_THROWS_WITH(unpack(file, Index{1} << 30),
                    "f: expected to unpack to at most 46137344 bytes, and 199990 packed bytes to "
                    "be enough, got the size 150000000");
}
