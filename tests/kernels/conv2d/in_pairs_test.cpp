#include "cnnrnn/kernels/conv2d/in_pairs.hpp"

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/kernels/conv2d/direct.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

// Convolutions by products of pairs on any machine, also where those of bfloat16 are made of
// floats: against the direct kernels of float, on the same numbers.

using namespace cnnrnn;
using kernels::Conv2dDims;
using kernels::ConvOutput;

namespace {

using Half = Tensor<bfloat16>;

struct Case {
  std::string name;
  Conv2dDims d;
};

const std::vector<Case> all_cases{
    {"1x1", {3, 5, 7, 34, 33, {1}}},
    {"1x1, few channels, a stride", {2, 5, 6, 3, 5, {1}, {2}}},
    {"one channel", {2, 6, 5, 1, 1, {3}, {1}, {1}}},
    {"three channels", {1, 9, 8, 3, 40, {3}, {1}, {1}}},
    {"odd channels", {2, 6, 7, 17, 7, {3}, {1}, {1}}},
    {"many small images", {33, 3, 2, 6, 18, {3}, {1}, {1}}},
    {"bands of an image", {2, 40, 30, 4, 16, {3}, {1}, {1}}},
    {"a sequence", {2, 1, 700, 6, 20, {1, 5}, {1}, {0, 2}}},
    {"no padding", {2, 9, 8, 6, 33, {3}}},
    {"oblong, much padding", {2, 6, 9, 10, 12, {5, 2}, {1}, {4, 3}}},
    {"a stride that leaves a rest", {3, 9, 8, 12, 20, {3}, {2}, {1}}},
    {"strides longer than the kernel", {2, 9, 11, 7, 9, {2, 1}, {3, 2}}},
    {"dilated", {2, 9, 10, 6, 8, {3}, {1}, {2}, {2}}},
    {"dilated at a stride", {2, 11, 12, 5, 3, {3}, {2}, {1}, {3, 2}}},
    {"groups", {2, 7, 6, 24, 36, {3}, {1}, {1}, {1}, 2}},
    {"groups at a stride", {2, 7, 6, 12, 8, {3}, {2}, {1}, {1}, 2}},
    {"many pixels", {1, 72, 72, 2, 8, {1}}},
    {"no images", {0, 7, 6, 4, 4, {3}, {1}, {1}}},
};

Half numbers(Index count, std::uint64_t seed) {
  return random_tensor<float>({count}, seed).to<bfloat16>();
}

struct Inputs {
  explicit Inputs(const Conv2dDims& d)
      : x(numbers(d.n * d.h * d.w * d.c, 1)),
        weight(numbers(d.o * d.group_c() * d.taps(), 2)),
        dy(numbers(d.n * d.oh() * d.ow() * d.o, 3)),
        bias(random_tensor<float>({d.o}, 4)) {}

  Half x, weight, dy;
  Tensor<float> bias;
};

/// make(to) on one and on two threads, from the same `start`.
template <class Make>
void check(const std::string& name, const Half& start, const Tensor<float>& expected,
           const Make& make) {
  INFO(name);
  std::vector<Half> results;
  for (const int threads : {1, 2}) {
    set_threads(threads);
    results.push_back(start.clone());
    make(results.back());
    set_threads(0);
  }
  CHECK(difference(results[0].to<float>(), expected, 0x1p-8) == "");
  CHECK(same_bytes(results[0], results[1]));
}

GradientSpan<bfloat16> gradient(Half& to, bool accumulate) {
  return {to.mutable_span(), accumulate};
}

void check_forward(const Case& c, const Inputs& in) {
  const Conv2dDims& d = c.d;
  const auto x = in.x.to<float>();
  const auto weight = in.weight.to<float>();
  const auto packed = kernels::detail::direct_weights<float>(d, weight.data(), nullptr);
  const auto pairs = kernels::pairs_weights(d, weight.data(), nullptr);
  const auto residual = in.dy.to<float>();
  for (const Activation activation : {Activation::none, Activation::relu, Activation::silu}) {
    for (const bool adds : {false, true}) {
      Tensor<float> expected(in.dy.shape());
      kernels::detail::direct_convolve(
          d, x.data(), packed.data(),
          ConvOutput<float>{.data = expected.mutable_data(),
                            .channels = d.o,
                            .bias = in.bias.data(),
                            .residual = adds ? residual.data() : nullptr,
                            .activation = activation});
      check(c.name + ", forward", in.dy, expected, [&](Half& y) {
        kernels::pairs_convolve(d, in.x.data(), pairs.data(),
                                {.data = y.mutable_data(),
                                 .channels = d.o,
                                 .bias = in.bias.data(),
                                 .residual = adds ? in.dy.data() : nullptr,
                                 .activation = activation});
      });
    }
  }
}

void check_backward(const Case& c, const Inputs& in, bool accumulate) {
  const Conv2dDims& d = c.d;
  const auto x = in.x.to<float>();
  const auto weight = in.weight.to<float>();
  const auto dy = in.dy.to<float>();
  auto dx = in.x.to<float>();
  kernels::detail::direct_backward_input(d, weight.data(), dy.data(),
                                         GradientSpan<float>{dx.mutable_span(), accumulate});
  check(c.name + ", input gradient", in.x, dx, [&](Half& to) {
    kernels::pairs_transposed(
        d, in.weight.data(), in.dy.data(),
        {.data = to.mutable_data(), .channels = d.c, .accumulate = accumulate});
  });
  auto dweight = in.weight.to<float>();
  kernels::detail::direct_backward_weight(d, x.data(), dy.data(),
                                          GradientSpan<float>{dweight.mutable_span(), accumulate});
  check(c.name + ", weight gradient", in.weight, dweight, [&](Half& to) {
    kernels::pairs_backward_weight(d, in.x.data(), in.dy.data(), gradient(to, accumulate));
  });
}

}  // namespace

TEST_CASE("convolutions by pairs: all directions agree with those of float") {
  for (const Case& c : all_cases) {
    const Inputs in(c.d);
    check_forward(c, in);
    check_backward(c, in, false);
    check_backward(c, in, true);
  }
}

TEST_CASE("convolutions by pairs: weights times a scale are rounded once") {
  const Conv2dDims d{1, 5, 5, 6, 20, {3}};
  const Inputs in(d);
  const auto scale = random_tensor<float>({d.o}, 5);
  auto weight = in.weight.to<float>();
  auto scaled = weight.clone();
  for (Index i = 0; i < scaled.size(); ++i) {
    scaled.mutable_data()[i] = bfloat16(scaled.data()[i] * scale(i / (d.c * d.taps())));
  }
  CHECK(same_bytes(kernels::pairs_weights(d, weight.data(), scale.data()),
                   kernels::pairs_weights(d, scaled.data(), nullptr)));
}

TEST_CASE("convolutions by pairs: the moments of blocks are those of the rounded result") {
  const Conv2dDims d{9, 6, 5, 6, 20, {3}};
  const Inputs in(d);
  const auto pairs = kernels::pairs_weights(d, in.weight.to<float>().data(), nullptr);
  Half y(in.dy.shape());
  kernels::ChannelMoments<float> moments(kernels::pairs_blocks(d), d.o);
  kernels::pairs_convolve(d, in.x.data(), pairs.data(),
                          {.data = y.mutable_data(), .channels = d.o, .moments = &moments});
  kernels::ChannelMoments<float> expected(1, d.o);
  expected.set(0, y.size() / d.o, y.data());
  Tensor<float> mean({d.o}), variance({d.o}), expected_mean({d.o}), expected_variance({d.o});
  moments.combine(mean.mutable_data(), variance.mutable_data());
  expected.combine(expected_mean.mutable_data(), expected_variance.mutable_data());
  require_close(mean, expected_mean, 1e-6);
  require_close(variance, expected_variance, 1e-6);
}

TEST_CASE("convolutions by pairs: what is not finite stays in the windows that read it") {
  const Conv2dDims d{1, 8, 8, 3, 16, {3}, {1}, {1}};
  Inputs in(d);
  in.x.mutable_data()[0] = std::numeric_limits<bfloat16>::infinity();
  const auto pairs = kernels::pairs_weights(d, in.weight.to<float>().data(), nullptr);
  Half y(in.dy.shape());
  kernels::pairs_convolve(d, in.x.data(), pairs.data(),
                          {.data = y.mutable_data(), .channels = d.o});
  for (Index pixel = 0; pixel < 64; ++pixel) {
    const bool reads = pixel / 8 < 2 && pixel % 8 < 2;
    CHECK(std::isfinite(static_cast<float>(y.data()[pixel * d.o])) == !reads);
  }
}
