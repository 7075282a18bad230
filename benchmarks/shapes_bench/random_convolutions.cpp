#include "shapes_bench/random_convolutions.hpp"

#include <array>
#include <string>
#include <string_view>

#include "cnnrnn/core/random.hpp"

using namespace cnnrnn;

namespace bench {

namespace {

constexpr std::array<std::string_view, 11> families{
    "3x3",     "depthwise",    "grouped",    "1x1",          "1x1_strided", "strided",
    "dilated", "large_kernel", "non_square", "few_channels", "few_outputs"};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  /// A convolution of a family, of a size that is quick to time and not too small to.
  ConvolutionCase convolution(std::string_view family) {
    while (true) {
      ConvolutionCase c = sized(family);
      shape(family, c);
      const auto d = c.dims();
      if (d.oh() < 1 || d.ow() < 1) {
        continue;
      }
      const auto outputs = static_cast<double>(d.n * d.oh() * d.ow() * d.o);
      const double products = outputs * static_cast<double>(d.taps() * d.group_c());
      const auto values = static_cast<double>(d.n * d.h * d.w * (d.c + d.o));
      if (products > 2e5 && products < 1.5e9 && values < 4e7) {
        return c;
      }
    }
  }

 private:
  template <std::size_t N>
  Index one_of(const Index (&values)[N]) {
    return values[static_cast<std::size_t>(random_.below(static_cast<Index>(N)))];
  }
  Size2d kernel_of(std::initializer_list<Size2d> sizes) {
    return sizes.begin()[random_.below(static_cast<Index>(sizes.size()))];
  }

  ConvolutionCase sized(std::string_view family) {
    return {
        .kind = std::string(family),
        .n = one_of({1, 1, 2, 4, 8, 16, 32, 64, 128}),
        .h = one_of({4, 5, 7, 8, 10, 13, 14, 16, 20, 28, 32, 38, 40, 56, 64, 80, 112, 160, 224}),
        .c = one_of({8,  10,  12,  16,  20,  24,  32,  40,  48,  60,  64,  72, 80,
                     96, 112, 128, 144, 160, 192, 240, 256, 320, 384, 512, 768}),
        .o = one_of({8, 10, 16, 20, 24, 32, 48, 64, 80, 96, 112, 128, 192, 256, 320, 512, 1024}),
        .kernel = 3};
  }

  void shape(std::string_view family, ConvolutionCase& c) {
    if (family == "depthwise") {
      c.groups = c.c;
      c.o = c.c * one_of({1, 1, 1, 2});
      c.kernel = kernel_of({3, 3, 5, 7, {1, 5}, 9});
      c.stride = one_of({1, 1, 2});
      c.dilation = one_of({1, 1, 1, 2});
    } else if (family == "grouped") {
      const Index width = one_of({2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64});
      c.groups = one_of({2, 3, 4, 8, 16, 32});
      c.c = width * c.groups;
      c.o = c.c * one_of({1, 1, 1, 2});
      c.kernel = kernel_of({3, 3, 1, 5});
      c.stride = one_of({1, 1, 2});
    } else if (family == "1x1" || family == "1x1_strided") {
      c.kernel = 1;
      c.stride = family == "1x1" ? 1 : 2;
    } else if (family == "strided") {
      c.kernel = kernel_of({3, 3, 5, 7, 4, 2});
      c.stride = one_of({2, 2, 2, 3});
    } else if (family == "dilated") {
      c.kernel = kernel_of({3, 3, 5});
      c.dilation = one_of({2, 2, 3, 4, 6, 12});
    } else if (family == "large_kernel") {
      c.kernel = kernel_of({5, 5, 7, 9, 11, 6, 4, 2});
    } else if (family == "non_square") {
      c.kernel = kernel_of(
          {{1, 3}, {3, 1}, {1, 7}, {7, 1}, {1, 5}, {5, 1}, {3, 5}, {11, 1}, {1, 15}, {2, 3}});
    } else if (family == "few_channels") {
      c.c = one_of({1, 2, 3, 4});
      c.kernel = kernel_of({3, 5, 7, 11});
      c.stride = one_of({1, 1, 2, 4});
    } else if (family == "few_outputs") {
      c.o = one_of({1, 2, 3, 4});
      c.kernel = kernel_of({3, 1, 5, 7, 9});
    }
  }

  Random random_;
};

}  // namespace

std::vector<ConvolutionCase> random_convolutions(Index count, std::uint64_t seed) {
  Draw draw(seed);
  std::vector<ConvolutionCase> all;
  for (Index i = 0; i < count; ++i) {
    for (const std::string_view family : families) {
      all.push_back(draw.convolution(family));
    }
  }
  return all;
}

}  // namespace bench
