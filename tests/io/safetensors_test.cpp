#include "cnnrnn/io/safetensors.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#if !defined(_WIN32)
#include "support/file_size_limit.hpp"
#endif

using namespace cnnrnn;
using Catch::Matchers::StartsWith;

namespace {

std::string length_prefix(std::uint64_t length) {
  const auto bytes = std::bit_cast<std::array<char, 8>>(length);
  return {bytes.begin(), bytes.end()};
}

std::string file_of(const std::string& header, const std::string& data = "") {
  return length_prefix(header.size()) + header + data;
}

/// The message of the FileError that reading these bytes throws, behind the path.
std::string error_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), bytes);
  const std::string start = folder.file("x") + ": ";
  try {
    io::read_safetensors(folder.file("x"));
  } catch (const FileError& error) {
    const std::string message = error.what();
    CHECK(message.starts_with(start));
    CHECK(message.find('\n') == std::string::npos);
    return message.substr(start.size());
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
  file.tensors["half"] = Tensor<io::Float16>(Shape{2}, {{0x3c00}, {0xfc00}});
  file.tensors["brain"] = Tensor<bfloat16>(Shape{1}, {bfloat16::from_bits(0x3f80)});
  file.tensors["small"] = Tensor<std::int8_t>(Shape{1}, {-128});
  file.tensors["short"] = Tensor<std::int16_t>(Shape{1}, {-32768});
  file.tensors["mask"] = Tensor<io::TruthByte>(Shape{2}, {io::TruthByte::no, io::TruthByte::yes});
  file.tensors["u16"] = Tensor<std::uint16_t>::scalar(65535);
  file.tensors["u32"] = Tensor<std::uint32_t>::scalar(1U << 31);
  file.tensors["u64"] = Tensor<std::uint64_t>::scalar(~std::uint64_t{0});
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
  check_equal<io::Float16>(read.tensors.at("half"), written.tensors.at("half"));
  check_equal<io::BFloat16>(read.tensors.at("brain"), written.tensors.at("brain"));
  check_equal<std::int8_t>(read.tensors.at("small"), written.tensors.at("small"));
  check_equal<std::int16_t>(read.tensors.at("short"), written.tensors.at("short"));
  check_equal<io::TruthByte>(read.tensors.at("mask"), written.tensors.at("mask"));
  check_equal<std::uint16_t>(read.tensors.at("u16"), written.tensors.at("u16"));
  check_equal<std::uint32_t>(read.tensors.at("u32"), written.tensors.at("u32"));
  check_equal<std::uint64_t>(read.tensors.at("u64"), written.tensors.at("u64"));
  CHECK(folder.files() == 1);

  const std::string bytes = read_bytes(folder.file("x"));
  io::write_safetensors(folder.file("x"), read);
  CHECK(read_bytes(folder.file("x")) == bytes);
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);  // data aligned to 8 bytes
}

TEST_CASE("half precision has the values of its bits") {
  const auto half = [](unsigned bits) {
    return static_cast<double>(io::Float16{static_cast<std::uint16_t>(bits)});
  };
  CHECK(half(0x0000) == 0);
  CHECK(std::signbit(half(0x8000)));
  CHECK(half(0x0001) == 0x1p-24);
  CHECK(half(0x83ff) == -0x1.ff8p-15);
  CHECK(half(0x0400) == 0x1p-14);
  CHECK(half(0x3555) == 0x1.554p-2);
  CHECK(half(0xfbff) == -65504);
  CHECK(half(0x7c00) == std::numeric_limits<double>::infinity());
  CHECK(half(0xfc00) == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(half(0x7e01)));
  const auto brain = [](unsigned bits) {
    return static_cast<float>(bfloat16::from_bits(static_cast<std::uint16_t>(bits)));
  };
  CHECK(brain(0xc049) == -3.140625F);
  CHECK(std::isnan(brain(0x7fc0)));
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
  CHECK(error_of("") == "expected a safetensors file of at least 8 bytes, got 0");
  CHECK(error_of("1234567") == "expected a safetensors file of at least 8 bytes, got 7");
  const auto with = [](std::uint64_t length) { return error_of(length_prefix(length) + "{}"); };
  const std::string at_most = "expected a safetensors header of at most 2 bytes, got ";
  CHECK(with(3) == at_most + "3");
  CHECK(with(std::uint64_t{1} << 63) == at_most + "9223372036854775808");
  CHECK(with(~std::uint64_t{0}) == at_most + "18446744073709551615");
  CHECK(error_of(file_of("{" + std::string(4'000'000, ' ') + "}")) ==
        "expected a safetensors header of at most 4000000 bytes, got 4000002");
}

TEST_CASE("safetensors: the header is JSON of the one form") {
  const std::string good = R"("a":)" + entry("U8", "[1]", "[0,1]");
  CHECK(error_of(file_of("{" + good + "}", "x")) == "no error");
  for (const char* text : {"", "[]", " {}", "\xEF\xBB\xBF{}"}) {
    CHECK(error_of(file_of(text)) == "expected a JSON object as header, got other text");
  }
  CHECK(error_of(file_of(std::string("{}\0{}", 5))) ==
        "expected a JSON object as header, got other text");
  for (const std::string& text :
       {std::string("{} {}"), "{" + good, std::string("{/**/}"), std::string("{\"\xFF\":1}")}) {
    // The rest is the JSON library's.
    CHECK_THAT(error_of(file_of(text)), StartsWith("expected JSON as header, got [json.exception"));
  }
  CHECK_THAT(error_of(file_of("{" + good + ",}", "x")),
             StartsWith("expected JSON as header, got "));
  CHECK(error_of(file_of("{" + std::string(100000, 'x') + "}")).size() < 500);

  const std::string once = "expected every name once in the header, got ";
  CHECK(error_of(file_of("{" + good + "," + good + "}", "x")) == once + "\"a\" twice");
  CHECK(error_of(file_of(R"({"a":{"dtype":"U8","dtype":"F32","shape":[],"data_offsets":[0,1]}})",
                         "x")) == once + "\"dtype\" twice");
  CHECK(error_of(file_of(R"({"__metadata__":{"k":"1","k":"2"}})")) == once + "\"k\" twice");
  CHECK(error_of(file_of(R"({"__metadata__":{"k":1}})")) ==
        "__metadata__ \"k\": expected a string, got 1");
  CHECK(error_of(file_of(R"({"__metadata__":{"k":{}}})")) ==
        "__metadata__ \"k\": expected a string, got an object");
  CHECK(error_of(file_of(R"({"__metadata__":[]})")) ==
        "expected an object as __metadata__, got an array");
  const std::string form = "tensor \"a\": expected dtype, shape and two data_offsets, got an array";
  CHECK(error_of(file_of("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}")) ==
        form);
  CHECK(error_of(file_of("{\"a\":" + std::string(100000, '['))) == form);
}

TEST_CASE("safetensors: every tensor has a type, a shape and offsets") {
  const auto with = [](const std::string& value) {
    return error_of(file_of("{\"a\\nb\":" + value + "}", "xxxx"));
  };
  const std::string tensor = "tensor \"a\\nb\": ";
  const std::string form = tensor + "expected dtype, shape and two data_offsets, got ";
  CHECK(with("1") == form + "1");
  CHECK(with("null") == form + "null");
  CHECK(with("{}") == form + "0 of them");
  CHECK(with(R"({"dtype":"F32","shape":[]})") == form + "2 of them");
  CHECK(with(R"({"dtype":"F32","shape":[],"data_offsets":[0,4],"more":1})") == form + "\"more\"");
  CHECK(with(R"({"dtype":1,"shape":[],"data_offsets":[0,4]})") == form + "1");
  CHECK(with(entry("F32", "1", "[0,4]")) == form + "1");
  CHECK(with(entry("F32", "[]", "[0]")) == form + "1 offsets");
  CHECK(with(entry("F32", "[]", "[0,4,8]")) == form + "more offsets");
  const std::string types = tensor +
                            "expected type F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, "
                            "U8 or BOOL, got ";
  CHECK(with(entry("BF16", "[2]", "[0,4]")) == "no error");
  CHECK(with(entry("F8_E4M3", "[4]", "[0,4]")) == types + "\"F8_E4M3\"");
  CHECK(with(entry("f32", "[]", "[0,4]")) == types + "\"f32\"");
  const std::string number = tensor + "expected a whole number of 0 or more, got ";
  CHECK(with(entry("F32", "[-1]", "[0,4]")) == number + "-1");
  CHECK(with(entry("F32", "[1.0]", "[0,4]")) == number + "\"1.0\"");
  CHECK(with(entry("F32", "[1e0]", "[0,4]")) == number + "\"1e0\"");
  CHECK(with(entry("F32", "[\"1\"]", "[0,4]")) == number + "\"1\"");
  CHECK(with(entry("F32", "[true]", "[0,4]")) == number + "true");
  CHECK(with(entry("F32", "[]", "[0,null]")) == number + "null");
  CHECK(with(entry("F32", "[]", "[-4,0]")) == number + "-4");
  CHECK(with(entry("F32", "[9223372036854775808]", "[0,4]")) == number + "9223372036854775808");
  CHECK(with(entry("F32", "[99999999999999999999999]", "[0,4]")) ==
        number + "\"99999999999999999999999\"");
  CHECK(with(entry("F32", "[1,1,1,1,1,1,1]", "[0,4]")) ==
        tensor + "expected at most 6 dimensions, got more");
}

TEST_CASE("safetensors: the header's parser stops at the first token that has no place") {
  // What comes behind it is no JSON: had the parser gone on, that would be the error.
  const auto with = [](const std::string& start) { return error_of(file_of(start + "no JSON")); };
  const std::string form = "tensor \"a\": expected dtype, shape and two data_offsets, got ";
  CHECK(with(R"({"a":{"shape":[1,1,1,1,1,1,1,)") ==
        "tensor \"a\": expected at most 6 dimensions, got more");
  CHECK(with(R"({"a":{"data_offsets":[0,4,8,)") ==
        "tensor \"a\": expected dtype, shape and two data_offsets, got more offsets");
  CHECK(with(R"({"a":{"b":)") == form + "\"b\"");
  CHECK(with(R"({"a":[)") == form + "an array");
  CHECK(with(R"({"a":{"dtype":{)") == form + "an object");
  CHECK(with(R"({"__metadata__":{"a":[)") == "__metadata__ \"a\": expected a string, got an array");
}

TEST_CASE("safetensors: shapes are those of the bytes") {
  const auto with = [](const std::string& type, const std::string& shape) {
    return error_of(file_of("{\"a\":" + entry(type, shape, "[0,4]") + "}", "xxxx"));
  };
  CHECK(with("F32", "[]") == "no error");
  CHECK(with("U8", "[2,2]") == "no error");
  const std::string tensor = "tensor \"a\": ";
  CHECK(with("F32", "[2]") == tensor + "expected at most 1 elements in 4 bytes, got 2");
  CHECK(with("F64", "[1]") == tensor + "expected at most 0 elements in 4 bytes, got 1");
  CHECK(with("F32", "[4611686018427387905]") ==
        tensor + "expected at most 1 elements in 4 bytes, got 4611686018427387905");
  CHECK(with("F32", "[0]") == tensor + "expected (0,) F32, got 4 bytes");
  CHECK(with("U8", "[3]") == tensor + "expected (3,) U8, got 4 bytes");
  CHECK(with("U8", "[4294967296,4294967296]") ==
        tensor + "expected fewer than 2^63 elements, got 4294967296 times 4294967296");
  CHECK(with("U8", "[4611686018427387904,4]") ==
        tensor + "expected fewer than 2^63 elements, got 4611686018427387904 times 4");
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
  CHECK(two("[0,2]", "[2,4]", 5) == "expected 4 bytes of data after the header, got 5");
  CHECK(error_of(file_of("{}", "x")) == "expected 0 bytes of data after the header, got 1");
  const std::string a = "tensor \"a\": expected data from byte ";
  const std::string b = "tensor \"b\": expected data from byte ";
  CHECK(two("[0,2]", "[2,4]", 3) == b + "2 to at most 3, got 2 to 4");
  CHECK(two("[0,2]", "[3,5]", 5) == b + "2 to at most 5, got 3 to 5");
  CHECK(two("[1,3]", "[3,5]", 5) == a + "0 to at most 5, got 1 to 3");
  CHECK(two("[0,2]", "[1,3]", 3) == b + "2 to at most 3, got 1 to 3");
  CHECK(two("[0,2]", "[0,2]", 2) == b + "2 to at most 2, got 0 to 2");
  CHECK(two("[2,0]", "[0,2]", 2) == a + "2 to at most 2, got 2 to 0");
  CHECK(two("[0,2]", "[2,9223372036854775807]", 4) ==
        b + "2 to at most 4, got 2 to 9223372036854775807");
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
                    folder.file("none") + ": cannot open: No such file or directory");
  CHECK_THROWS_WITH(io::read_safetensors(folder.path()),
                    folder.path() + ": expected a regular file, got a folder, a pipe or a device");
  CHECK_THROWS_WITH(
      io::write_safetensors(folder.file("none/x"), {}),
      folder.file("none/x") + ": cannot create a file in its folder: No such file or directory");
#if defined(_WIN32)
  const std::string device = "NUL";
#else
  const std::string device = "/dev/null";
#endif
  for (const std::string& path : {folder.path(), device}) {
    CHECK_THROWS_WITH(io::write_safetensors(path, {}),
                      path +
                          ": expected a regular file to replace, or none, got a folder, a pipe "
                          "or a device");
  }
}

TEST_CASE("a file that changes while it is open is an error") {
  const TemporaryFolder folder;
  std::array<std::byte, 3> bytes{};
  write_bytes(folder.file("two"), "ab");
  io::InputFile two(folder.file("two"));
  CHECK_THROWS_WITH(two.read(bytes), folder.file("two") + ": expected 1 more bytes, got the end");
  io::AtomicFile late(folder.file("x"));
  std::filesystem::create_directory(folder.file("x"));
#if defined(_WIN32)
  CHECK_THROWS_WITH(late.commit(), folder.file("x") + ": cannot replace: Permission denied");
#else
  CHECK_THROWS_WITH(late.commit(), folder.file("x") + ": cannot replace: Is a directory");
  // A regular file of Linux whose first bytes cannot be read.
  io::InputFile unreadable("/proc/self/mem");
  CHECK_THROWS_WITH(unreadable.read(bytes), "/proc/self/mem: cannot read: Input/output error");
#endif
}

TEST_CASE("safetensors: contents that cannot be written leave the old file") {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), "old");
  const auto refused = [&](const char* name, const Tensor<float>& tensor,
                           const std::string& message) {
    io::SafetensorsFile bad;
    bad.tensors[name] = tensor;
    CHECK_THROWS_AS(io::write_safetensors(folder.file("x"), bad), ValueError);
    CHECK_THROWS_WITH(io::write_safetensors(folder.file("x"), bad),
                      folder.file("x") + ": " + message);
  };
  refused("a", {}, "expected a defined tensor a, got an undefined one");
  refused("__metadata__", Tensor<float>::scalar(1), "expected a tensor's name, got __metadata__");
  std::string of_json;
  try {
    nlohmann::json("\xFF").dump();
  } catch (const nlohmann::json::exception& error) {
    of_json = error.what();
  }
  refused("\xFF", Tensor<float>::scalar(1), "expected names and metadata in UTF-8, got " + of_json);
  CHECK(read_bytes(folder.file("x")) == "old");
  CHECK(folder.files() == 1);
}

#if !defined(_WIN32)
TEST_CASE("safetensors: a disk that takes no more leaves the old file and no other") {
  const TemporaryFolder folder;
  write_bytes(folder.file("x"), "old");
  io::SafetensorsFile large;
  large.tensors["a"] = Tensor<float>::zeros(Shape{100000});

  std::string message;
  try {
    const FileSizeLimit limit(65536);
    io::write_safetensors(folder.file("x"), large);
  } catch (const FileError& error) {
    message = error.what();
  }

  CHECK(message == folder.file("x") + ": cannot write: File too large");
  CHECK(read_bytes(folder.file("x")) == "old");
  CHECK(folder.files() == 1);
  io::write_safetensors(folder.file("x"), large);
  CHECK(io::read_safetensors(folder.file("x")).tensors.size() == 1);
}
#endif
