#include "cnnrnn/core/bfloat16.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "cnnrnn/core/bfloat16_pairs.hpp"
#include "cnnrnn/core/denormals.hpp"
#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;
using kernels::Packet;

namespace {

std::vector<bfloat16> all_numbers() {
  std::vector<bfloat16> numbers;
  for (std::uint32_t bits = 0; bits <= 0xffffU; ++bits) {
    numbers.push_back(bfloat16::from_bits(static_cast<std::uint16_t>(bits)));
  }
  return numbers;
}

/// Floats at, in the middle between and beside the numbers of bfloat16, and a few of any kind.
std::vector<float> floats_around() {
  std::vector<float> floats;
  for (const bfloat16 number : all_numbers()) {
    for (const std::uint32_t lower : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      floats.push_back(std::bit_cast<float>((std::uint32_t{number.bits} << 16) | lower));
    }
  }
  return floats;
}

/// As bfloat16(x) is said to be, found by comparing with the two numbers around x.
bfloat16 nearest_of_two(float x) {
  const auto whole = std::bit_cast<std::uint32_t>(x);
  const auto inner = bfloat16::from_bits(static_cast<std::uint16_t>(whole >> 16));
  if (std::isnan(x) || std::isinf(x)) {
    return std::isnan(x) ? bfloat16::from_bits(static_cast<std::uint16_t>(inner.bits | 0x40))
                         : inner;
  }
  const auto outer = bfloat16::from_bits(static_cast<std::uint16_t>(inner.bits + 1));
  const double size = std::abs(static_cast<double>(x));
  const double low = std::abs(static_cast<double>(inner));
  const double high = std::isinf(outer) ? 0x1p128 : std::abs(static_cast<double>(outer));
  const bool to_inner =
      size - low < high - size || (size - low == high - size && inner.bits % 2 == 0);
  return to_inner ? inner : outer;
}

}  // namespace

TEST_CASE("a bfloat16 becomes a float exactly, and comes back") {
  static_assert(sizeof(bfloat16) == 2 && std::is_trivially_copyable_v<bfloat16>);
  CHECK(bfloat16::from_bits(0xc049) == -3.140625F);
  CHECK(bfloat16{} == 0.0F);
  for (const bfloat16 number : all_numbers()) {
    const bfloat16 back(static_cast<float>(number));
    if (std::isnan(number)) {
      REQUIRE(std::isnan(back));
    } else {
      REQUIRE(back.bits == number.bits);
    }
  }
}

TEST_CASE("a float becomes the nearest bfloat16, of two as near the even one") {
  for (const float x : floats_around()) {
    REQUIRE(bfloat16(x).bits == nearest_of_two(x).bits);
  }
  CHECK(bfloat16(1.0F + 0x1p-8F).bits == 0x3f80);
  CHECK(bfloat16(1.0F + 0x1.8p-7F).bits == 0x3f82);
  CHECK(bfloat16(0x1p-133F).bits == 0x0001);
  CHECK(bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(bfloat16::nearest(-std::numeric_limits<float>::infinity()).bits == 0xff80);
}

TEST_CASE("numbers of other types are rounded once") {
  CHECK(bfloat16(1 + 0x1p-8).bits == 0x3f80);
  CHECK(bfloat16(1 + 0x1p-8 + 0x1p-40).bits == 0x3f81);  // as a float it is the middle
  CHECK(bfloat16(-1 - 0x1p-8 - 0x1p-40).bits == 0xbf81);
  CHECK(bfloat16(1 + 3 * 0x1p-8 - 0x1p-40).bits == 0x3f81);
  CHECK(bfloat16(1e300) == std::numeric_limits<float>::infinity());
  CHECK(bfloat16(257) == 256.0F);
  CHECK(bfloat16(std::int64_t{-1} << 40) == -0x1p40F);
  CHECK(bfloat16(true) == 1.0F);
}

TEST_CASE("nothing becomes a bfloat16 unless it is asked for") {
  static_assert(std::is_convertible_v<bfloat16, float>);
  static_assert(!std::is_convertible_v<float, bfloat16>);
  static_assert(!std::is_convertible_v<double, bfloat16>);
  static_assert(!std::is_convertible_v<int, bfloat16>);
  static_assert(!std::is_constructible_v<bfloat16, std::uint16_t>);
  static_assert(std::is_same_v<decltype(bfloat16() + bfloat16()), float>);
  static_assert(std::is_same_v<Accumulator<bfloat16>, float>);
  static_assert(std::is_same_v<Accumulator<double>, double>);
  SUCCEED();
}

TEST_CASE("the limits of bfloat16") {
  using limits = std::numeric_limits<bfloat16>;
  CHECK(limits::max() == 0x1.fep127F);
  CHECK(limits::lowest() == -0x1.fep127F);
  CHECK(limits::min() == 0x1p-126F);
  CHECK(limits::denorm_min() == 0x1p-133F);
  CHECK(limits::epsilon() == 0x1p-7F);
  CHECK(std::isinf(limits::infinity()));
  CHECK(std::isnan(limits::quiet_NaN()));
}

TEST_CASE("packets load and store bfloat16 to the bits of single numbers") {
  const auto width = static_cast<std::size_t>(Packet<float>::width);
  auto floats = floats_around();
  floats.resize((floats.size() + width - 1) / width * width);
  const FlushDenormals flush;  // as in loops; rounding does not depend on it
  std::vector<bfloat16> stored(floats.size());
  for (std::size_t i = 0; i < floats.size(); i += width) {
    Packet<float>::load(floats.data() + i).store(stored.data() + i);
  }
  for (std::size_t i = 0; i < floats.size(); ++i) {
    REQUIRE(stored[i].bits == bfloat16(floats[i]).bits);
  }
  std::vector<float> loaded(floats.size());
  for (std::size_t i = 0; i < floats.size(); i += width) {
    Packet<float>::load(stored.data() + i).store(loaded.data() + i);
  }
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const float expected = stored[i];
    REQUIRE(std::memcmp(&loaded[i], &expected, sizeof expected) == 0);
  }
}

TEST_CASE("a packet with a single number that is denormal, infinite or none is rounded as others") {
  const auto width = static_cast<std::size_t>(Packet<float>::width);
  using limits = std::numeric_limits<float>;
  for (const float odd : {limits::denorm_min(), -0x1.8p-127F, 0x1.fffffep-127F, limits::infinity(),
                          limits::quiet_NaN(), std::bit_cast<float>(0x7f800001U), limits::max()}) {
    for (std::size_t place = 0; place < width; ++place) {
      std::vector<float> floats(width, 1.0F + 0x1.8p-7F);
      floats[place] = odd;
      std::vector<bfloat16> stored(width);
      Packet<float>::load(floats.data()).store(stored.data());
      for (std::size_t i = 0; i < width; ++i) {
        REQUIRE(stored[i].bits == nearest_of_two(floats[i]).bits);
      }
    }
  }
}

TEST_CASE("parts of packets of bfloat16 leave what lies behind them") {
  const std::vector<bfloat16> numbers(16, bfloat16(3));
  for (Index count = 0; count <= Packet<float>::width; ++count) {
    std::vector<bfloat16> to(17, bfloat16(7));
    std::vector<float> lanes(static_cast<std::size_t>(Packet<float>::width));
    const auto part = Packet<float>::load_partial(numbers.data(), count);
    part.store(lanes.data());
    part.store_partial(to.data(), count);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      CHECK(lanes[i] == (i < static_cast<std::size_t>(count) ? 3.0F : 0.0F));
      CHECK(to[i] == (i < static_cast<std::size_t>(count) ? 3.0F : 7.0F));
    }
  }
}

TEST_CASE("tensors of bfloat16 are made, compared, printed and converted") {
  const Tensor<float> x({2, 2}, {1, -2.5F, 0x1p-140F, 1.00390625F});
  const auto narrow = x.to<bfloat16>();
  CHECK(narrow(0, 1) == -2.5F);
  CHECK(narrow(1, 1) == 1.0F);
  CHECK(narrow.to<double>()(0, 1) == -2.5);
  CHECK(Tensor<bfloat16>::ones({3})(2) == 1.0F);
  CHECK(to_message(narrow(0, 1)) == "-2.5");
}

namespace {

/// Numbers of bfloat16 of one kind: all bits, near 1, denormal and close to it, near the largest.
std::vector<bfloat16> numbers_of_kind(int kind, std::size_t count, Random& random) {
  constexpr std::array<std::array<int, 2>, 4> exponents{{{0, 256}, {120, 16}, {0, 70}, {186, 12}}};
  std::vector<bfloat16> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const auto [first, range] = exponents[static_cast<std::size_t>(kind)];
    const auto exponent = first + static_cast<int>(random.uniform(0, range));
    const auto others = static_cast<int>(random.uniform(0, 256));
    numbers.push_back(bfloat16::from_bits(
        static_cast<std::uint16_t>((others & 0x80) << 8 | exponent << 7 | (others & 0x7f))));
  }
  return numbers;
}

/// Every second number from `first` on, as a packet of floats.
Packet<float> every_second(const std::vector<bfloat16>& numbers, std::size_t first) {
  std::vector<float> lanes;
  for (std::size_t i = first; i < numbers.size(); i += 2) {
    lanes.push_back(numbers[i]);
  }
  return Packet<float>::load(lanes.data());
}

std::vector<std::uint32_t> bits_of(Packet<float> packet) {
  std::vector<float> lanes(static_cast<std::size_t>(Packet<float>::width));
  packet.store(lanes.data());
  std::vector<std::uint32_t> bits;
  for (const float lane : lanes) {
    bits.push_back(std::isnan(lane) ? 0x7fc00000U : std::bit_cast<std::uint32_t>(lane));
  }
  return bits;
}

}  // namespace

TEST_CASE("products of pairs add the second numbers first, and flush denormal numbers") {
  using kernels::Bfloat16Pairs;
  const FlushDenormals flush;  // as in loops
  Random random(1);
  constexpr auto width = static_cast<std::size_t>(Packet<float>::width);
  for (const int kind : {0, 1, 2, 3}) {
    for (int round = 0; round < 2000; ++round) {
      const auto a = numbers_of_kind(kind, 2 * width, random);
      const auto b = numbers_of_kind(kind, 2 * width, random);
      const auto c = numbers_of_kind(kind, 2 * width, random);
      const auto start = every_second(c, 0) + every_second(c, 1) * Packet<float>::set(0x1p-9F);
      const auto sum = multiply_add(every_second(a, 0), every_second(b, 0),
                                    multiply_add(every_second(a, 1), every_second(b, 1), start));
      REQUIRE(bits_of(multiply_add(Bfloat16Pairs::load(a.data()), Bfloat16Pairs::load(b.data()),
                                   start)) == bits_of(sum));
    }
  }
}

TEST_CASE("pairs are loaded, broadcast, made of two vectors, transposed and stored") {
  using kernels::Bfloat16Pairs;
  constexpr auto width = static_cast<std::size_t>(Packet<float>::width);
  Random random(2);
  const auto numbers = numbers_of_kind(1, 2 * width, random);
  std::vector<bfloat16> to(2 * width);
  const auto same = [&](std::size_t i, bfloat16 number) { return to[i].bits == number.bits; };
  Bfloat16Pairs::of(every_second(numbers, 0), every_second(numbers, 1)).store(to.data());
  for (std::size_t i = 0; i < 2 * width; ++i) {
    CHECK(same(i, numbers[i]));
  }
  Bfloat16Pairs::set(numbers.data() + 1).store(to.data());
  for (std::size_t i = 0; i < 2 * width; ++i) {
    CHECK(same(i, numbers[1 + i % 2]));
  }
  for (std::size_t count = 0; count <= 2 * width; ++count) {
    Bfloat16Pairs::set(numbers.data()).store(to.data());
    const auto part = static_cast<Index>(count);
    Bfloat16Pairs::load_partial(numbers.data(), part).store_partial(to.data(), part);
    Bfloat16Pairs::load_partial(to.data(), part).store(to.data());
    for (std::size_t i = 0; i < 2 * width; ++i) {
      CHECK(same(i, i < count ? numbers[i] : bfloat16(0)));
    }
  }
  std::array<Bfloat16Pairs, width> square;
  for (std::size_t row = 0; row < width; ++row) {
    for (std::size_t i = 0; i < 2 * width; ++i) {
      to[i] = bfloat16(row * 2 * width + i);
    }
    square[row] = Bfloat16Pairs::load(to.data());
  }
  kernels::transpose(square);
  for (std::size_t row = 0; row < width; ++row) {
    square[row].store(to.data());
    for (std::size_t i = 0; i < 2 * width; ++i) {
      CHECK(same(i, bfloat16(i / 2 * 2 * width + 2 * row + i % 2)));
    }
  }
}

TEST_CASE("sums of products are stored rounded to the nearest") {
  const auto width = static_cast<std::size_t>(Packet<float>::width);
  auto floats = floats_around();
  std::erase_if(floats, [](float x) { return x != 0 && !std::isnormal(x) && std::isfinite(x); });
  floats.resize(floats.size() / width * width);
  std::vector<bfloat16> stored(width);
  for (std::size_t i = 0; i < floats.size(); i += width) {
    kernels::store_sums(stored.data(), Packet<float>::load(floats.data() + i));
    for (std::size_t lane = 0; lane < width; ++lane) {
      REQUIRE(stored[lane].bits == bfloat16(floats[i + lane]).bits);
    }
  }
}
