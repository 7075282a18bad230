#include "cnnrnn/io/safetensors.hpp"

#include <sys/resource.h>

#include <bit>
#include <csignal>
#include <string>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

std::string length_prefix(std::uint64_t length) {
  const auto bytes = std::bit_cast<std::array<char, 8>>(length);
  return {bytes.begin(), bytes.end()};
}

std::string file_of(const std::string& header, const std::string& data = "") {
  return length_prefix(header.size()) + header + data;
}

/// The message of the FileError that reading these bytes throws.
std::string error_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), bytes);
  try {
    io::read_safetensors(folder.file("x"));
  } catch (const FileError& error) {
    CHECK(std::string(error.what()).starts_with(folder.file("x") + ": "));
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "no error";
}

std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

io::SafetensorsFile sample() {
  io::SafetensorsFile file;
  file.tensors["weight"] = Tensor<float>({2, 3}, {1, 2, 3, 4, 5, -0.0F});
  file.tensors["deep.0.bias"] = Tensor<double>(Shape{2}, {0.1, -1e300});
  file.tensors["count"] = Tensor<std::int64_t>::scalar(-7);
  file.tensors["ids"] = Tensor<std::int32_t>({1, 1, 1, 1, 1, 2}, {1, -2});
  file.tensors["bytes"] = Tensor<std::uint8_t>(Shape{3}, {0, 128, 255});
  file.tensors["empty"] = Tensor<float>(Shape{0, 4});
  file.metadata = {{"format", "pt"}, {"text", "quote \" line\n \xC3\xA4"}};
  return file;
}

template <class T>
void check_equal(const io::AnyTensor& a, const io::AnyTensor& b) {
  const auto& x = std::get<Tensor<T>>(a);
  const auto& y = std::get<Tensor<T>>(b);
  REQUIRE(x.shape() == y.shape());
  CHECK(std::equal(x.span().begin(), x.span().end(), y.span().begin()));
}

}  // namespace

TEST_CASE("safetensors: what was written is read back") {
  const TemporaryFolder folder;
  const auto written = sample();
  io::write_safetensors(folder.file("x"), written);
  const auto read = io::read_safetensors(folder.file("x"));
  CHECK(read.metadata == written.metadata);
  REQUIRE(read.tensors.size() == written.tensors.size());
  check_equal<float>(read.tensors.at("weight"), written.tensors.at("weight"));
  check_equal<double>(read.tensors.at("deep.0.bias"), written.tensors.at("deep.0.bias"));
  check_equal<std::int64_t>(read.tensors.at("count"), written.tensors.at("count"));
  check_equal<std::int32_t>(read.tensors.at("ids"), written.tensors.at("ids"));
  check_equal<std::uint8_t>(read.tensors.at("bytes"), written.tensors.at("bytes"));
  check_equal<float>(read.tensors.at("empty"), written.tensors.at("empty"));
  CHECK(folder.files() == 1);

  const std::string bytes = read_bytes(folder.file("x"));
  io::write_safetensors(folder.file("x"), read);
  CHECK(read_bytes(folder.file("x")) == bytes);
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);  // data aligned to 8 bytes
}

TEST_CASE("safetensors: no tensors, and an empty header") {
  const TemporaryFolder folder;
  io::write_safetensors(folder.file("x"), {});
  CHECK(io::read_safetensors(folder.file("x")).tensors.empty());
  CHECK(error_of(file_of("{}")) == "no error");
  CHECK(error_of(file_of("{}   \n ")) == "no error");
  CHECK(error_of(file_of(R"({"__metadata__":{}})")) == "no error");
}

TEST_CASE("safetensors: the length of the header is checked before it is believed") {
  CHECK_THAT(error_of(""), Contains("expected a safetensors file of at least 8 bytes, got 0"));
  CHECK_THAT(error_of("1234567"), Contains("at least 8 bytes, got 7"));
  CHECK_THAT(error_of(length_prefix(3) + "{}"), Contains("at most 2 bytes, got 3"));
  CHECK_THAT(error_of(length_prefix(~std::uint64_t{0}) + "{}"),
             Contains("got 18446744073709551615"));
  CHECK_THAT(error_of(length_prefix(std::uint64_t{1} << 63) + "{}"), Contains("header of at most"));
  CHECK_THAT(error_of(length_prefix(0)), Contains("expected a JSON object as header"));
}

TEST_CASE("safetensors: the header is JSON of the one form") {
  const std::string good = R"("a":)" + entry("U8", "[1]", "[0,1]");
  CHECK(error_of(file_of("{" + good + "}", "x")) == "no error");
  CHECK_THAT(error_of(file_of("[]")), Contains("expected a JSON object"));
  CHECK_THAT(error_of(file_of(" {}")), Contains("expected a JSON object"));
  CHECK_THAT(error_of(file_of("\xEF\xBB\xBF{}")), Contains("expected a JSON object"));
  CHECK_THAT(error_of(file_of(std::string("{}\0{}", 5))), Contains("expected a JSON object"));
  CHECK_THAT(error_of(file_of("{} {}")), Contains("expected JSON"));
  CHECK_THAT(error_of(file_of("{" + good)), Contains("expected JSON"));
  CHECK_THAT(error_of(file_of("{" + good + ",}", "x")), Contains("expected JSON"));
  CHECK_THAT(error_of(file_of("{/**/}")), Contains("expected JSON"));
  CHECK_THAT(error_of(file_of("{\"\xFF\":1}")), Contains("expected JSON"));
  CHECK_THAT(error_of(file_of("{" + good + "," + good + "}", "x")), Contains("got \"a\" twice"));
  CHECK_THAT(error_of(file_of(
                 R"({"a":{"dtype":"U8","dtype":"F32","shape":[],"data_offsets":[0,1]}})", "x")),
             Contains("got \"dtype\" twice"));
  CHECK_THAT(error_of(file_of(R"({"__metadata__":{"k":"1","k":"2"}})")), Contains("twice"));
  CHECK_THAT(error_of(file_of(R"({"__metadata__":{"k":1}})")), Contains("expected a string"));
  CHECK_THAT(error_of(file_of(R"({"__metadata__":{"k":{}}})")), Contains("expected a string"));
  CHECK_THAT(error_of(file_of(R"({"__metadata__":[]})")), Contains("expected an object"));
  const std::string deep = "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  CHECK_THAT(error_of(file_of(deep)), Contains("two data_offsets, got an array"));
  CHECK_THAT(error_of(file_of("{\"a\":" + std::string(100000, '['))), Contains("got an array"));
  const std::string long_token = "{" + std::string(100000, 'x') + "}";
  CHECK(error_of(file_of(long_token)).size() < 500);
}

TEST_CASE("safetensors: every tensor has a type, a shape and offsets") {
  const auto with = [](const std::string& value, const std::string& data = "xxxx") {
    return error_of(file_of("{\"a\\nb\":" + value + "}", data));
  };
  const std::string form = "tensor \"a\\nb\": expected dtype, shape and two data_offsets";
  CHECK_THAT(with("1"), Contains(form));
  CHECK_THAT(with("null"), Contains(form));
  CHECK_THAT(with("{}"), Contains(form));
  CHECK_THAT(with(R"({"dtype":"F32","shape":[]})"), Contains(form));
  CHECK_THAT(with(R"({"dtype":"F32","shape":[],"data_offsets":[0,4],"more":1})"), Contains(form));
  CHECK_THAT(with(R"({"dtype":1,"shape":[],"data_offsets":[0,4]})"), Contains(form));
  CHECK_THAT(with(entry("F32", "1", "[0,4]")), Contains(form));
  CHECK_THAT(with(entry("F32", "[]", "[0]")), Contains(form));
  CHECK_THAT(with(entry("F32", "[]", "[0,4,8]")), Contains(form));
  CHECK_THAT(with(entry("BF16", "[2]", "[0,4]")),
             Contains("expected type F64, F32, I64, I32 or U8, got \"BF16\""));
  CHECK_THAT(with(entry("f32", "[]", "[0,4]")), Contains("got \"f32\""));
  const std::string number = "expected a whole number of 0 or more, got ";
  CHECK_THAT(with(entry("F32", "[-1]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[1.0]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[1e0]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[\"1\"]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[true]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[]", "[0,null]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[]", "[-4,0]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[9223372036854775808]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[99999999999999999999999]", "[0,4]")), Contains(number));
  CHECK_THAT(with(entry("F32", "[1,1,1,1,1,1,1]", "[0,4]")), Contains("at most 6 dimensions"));
}

TEST_CASE("safetensors: the header's parser stops at the first token that has no place") {
  // What comes behind it is no JSON: had the parser gone on, that would be the error.
  const auto with = [](const std::string& start) { return error_of(file_of(start + "no JSON")); };
  CHECK_THAT(with(R"({"a":{"shape":[1,1,1,1,1,1,1,)"), Contains("at most 6 dimensions"));
  CHECK_THAT(with(R"({"a":{"data_offsets":[0,4,8,)"), Contains("got more offsets"));
  CHECK_THAT(with(R"({"a":{"b":)"), Contains("data_offsets, got \"b\""));
  CHECK_THAT(with(R"({"a":[)"), Contains("got an array"));
  CHECK_THAT(with(R"({"a":{"dtype":{)"), Contains("got an object"));
  CHECK_THAT(with(R"({"__metadata__":{"a":[)"), Contains("expected a string, got an array"));
}

TEST_CASE("safetensors: a header of more than 4 MB is refused before it is read") {
  CHECK_THAT(error_of(file_of("{" + std::string(4'000'000, ' ') + "}")),
             Contains("header of at most 4000000 bytes, got 4000002"));
}

TEST_CASE("safetensors: shapes are those of the bytes") {
  const auto with = [](const std::string& type, const std::string& shape) {
    return error_of(file_of("{\"a\":" + entry(type, shape, "[0,4]") + "}", "xxxx"));
  };
  CHECK(with("F32", "[]") == "no error");
  CHECK(with("U8", "[2,2]") == "no error");
  CHECK_THAT(with("F32", "[2]"), Contains("at most 1 elements in 4 bytes, got 2"));
  CHECK_THAT(with("F32", "[0]"), Contains("expected (0,) F32, got 4 bytes"));
  CHECK_THAT(with("F64", "[1]"), Contains("at most 0 elements in 4 bytes, got 1"));
  CHECK_THAT(with("U8", "[3]"), Contains("expected (3,) U8, got 4 bytes"));
  CHECK_THAT(with("U8", "[4294967296,4294967296]"), Contains("fewer than 2^63 elements"));
  CHECK_THAT(with("U8", "[4611686018427387904,4]"), Contains("fewer than 2^63 elements"));
  CHECK_THAT(with("F32", "[4611686018427387905]"), Contains("at most 1 elements"));
  CHECK(error_of(file_of("{\"a\":" + entry("F32", "[0,9223372036854775807,4]", "[0,0]") + "}")) ==
        "no error");
}

TEST_CASE("safetensors: the tensors cover the data without holes or overlaps") {
  const auto two = [](const std::string& a, const std::string& b, std::size_t bytes) {
    return error_of(
        file_of("{\"a\":" + entry("U8", "[2]", a) + ",\"b\":" + entry("U8", "[2]", b) + "}",
                std::string(bytes, 'x')));
  };
  CHECK(two("[0,2]", "[2,4]", 4) == "no error");
  CHECK(two("[2,4]", "[0,2]", 4) == "no error");
  CHECK_THAT(two("[0,2]", "[2,4]", 5),
             Contains("expected 4 bytes of data after the header, got 5"));
  CHECK_THAT(two("[0,2]", "[2,4]", 3),
             Contains("tensor \"b\": expected data from byte 2 to at most 3, got 2 to 4"));
  CHECK_THAT(two("[0,2]", "[3,5]", 5), Contains("expected data from byte 2"));
  CHECK_THAT(two("[1,3]", "[3,5]", 5), Contains("expected data from byte 0"));
  CHECK_THAT(two("[0,2]", "[1,3]", 3), Contains("expected data from byte 2"));
  CHECK_THAT(two("[0,2]", "[0,2]", 2), Contains("expected data from byte 2"));
  CHECK_THAT(two("[2,0]", "[0,2]", 2), Contains("got 2 to 0"));
  CHECK_THAT(two("[0,2]", "[2,9223372036854775807]", 4), Contains("expected data from byte 2"));
  CHECK_THAT(error_of(file_of("{}", "x")), Contains("expected 0 bytes of data"));
}

TEST_CASE("safetensors: every truncation and every changed byte ends in an error or a file") {
  const TemporaryFolder folder;
  io::write_safetensors(folder.file("x"), sample());
  const std::string bytes = read_bytes(folder.file("x"));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_bytes(folder.file("x"), bytes.substr(0, length));
    CHECK_THROWS_AS(io::read_safetensors(folder.file("x")), FileError);
  }
  for (std::size_t position = 0; position < bytes.size(); ++position) {
    for (const char change : {'\x01', '\x10', '\x80', '\x7F'}) {
      std::string changed = bytes;
      changed[position] = static_cast<char>(changed[position] ^ change);
      write_bytes(folder.file("x"), changed);
      try {
        io::read_safetensors(folder.file("x"));
      } catch (const FileError&) {
      }
    }
  }
}

TEST_CASE("safetensors: files that are missing or no files") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(io::read_safetensors(folder.file("none")),
                    Contains("cannot open: No such file"));
  CHECK_THROWS_WITH(io::read_safetensors(folder.file(".")), Contains("expected a regular file"));
  CHECK_THROWS_WITH(io::write_safetensors(folder.file("none/x"), {}),
                    Contains("cannot create a file in its folder: No such file"));
  CHECK_THROWS_WITH(io::write_safetensors(folder.file("."), {}),
                    Contains("expected a regular file to replace"));
  CHECK_THROWS_WITH(io::write_safetensors("/dev/null", {}), Contains("regular file to replace"));
}

TEST_CASE("safetensors: contents that cannot be written leave the old file") {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), "old");
  io::SafetensorsFile bad;
  bad.tensors["a"] = Tensor<float>();
  CHECK_THROWS_WITH(io::write_safetensors(folder.file("x"), bad), Contains("a defined tensor a"));
  bad.tensors = {{"__metadata__", Tensor<float>::scalar(1)}};
  CHECK_THROWS_AS(io::write_safetensors(folder.file("x"), bad), ValueError);
  bad.tensors = {{"\xFF", Tensor<float>::scalar(1)}};
  CHECK_THROWS_WITH(io::write_safetensors(folder.file("x"), bad), Contains("UTF-8"));
  CHECK(read_bytes(folder.file("x")) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("safetensors: a disk that takes no more leaves the old file and no other") {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), "old");
  io::SafetensorsFile large;
  large.tensors["a"] = Tensor<float>::zeros(Shape{100000});

  ::rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::rlimit small = before;
  small.rlim_cur = 65536;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    io::write_safetensors(folder.file("x"), large);
  } catch (const FileError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  CHECK(message == folder.file("x") + ": cannot write: File too large");
  CHECK(read_bytes(folder.file("x")) == "old");
  CHECK(folder.files() == 1);
  io::write_safetensors(folder.file("x"), large);
  CHECK(io::read_safetensors(folder.file("x")).tensors.size() == 1);
}
