// Kernels against plain loops in double, on whatever instruction set the program is compiled for;
// prints its name. Sizes are no multiples of any vector's width.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/core/build_info.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/pooling.hpp"
#include "cnnrnn/ops/wavelet.hpp"
#include "support/conv_lstm_reference.hpp"
#include "support/recurrent_reference.hpp"
#include "support/ulps.hpp"

using namespace cnnrnn;

namespace {

bool passed = true;

void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::cout << "failed: " << what << '\n';
    passed = false;
  }
}

template <class T>
constexpr double exact = std::is_same_v<T, float> ? 1e-5 : 1e-12;

/// Expects |actual - expected| <= tolerance * max(1, largest |expected|).
template <class T>
void expect_close(const Tensor<T>& actual, const Tensor<double>& expected, double tolerance,
                  const std::string& what) {
  double scale = 1;
  double worst = 0;
  for (Index i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual.data()[i]) - expected.data()[i]);
    scale = std::max(scale, std::abs(expected.data()[i]));
    worst = error <= worst || std::isnan(worst) ? worst : error;  // a NaN is the worst
  }
  expect(actual.shape() == expected.shape() && worst <= tolerance * scale,
         to_message(sizeof(T) == sizeof(float) ? "float " : "double ", what, " ", actual.shape(),
                    ", worst error ", worst));
}

/// Packets round to bfloat16 and read it to the same bits as single numbers, whatever the machine.
void check_bfloat16() {
  const auto width = static_cast<std::size_t>(kernels::Packet<float>::width);
  std::vector<float> floats(width);
  std::vector<bfloat16> stored(width);
  bool rounds = true;
  bool reads = true;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 0x7fffU * width) {
    for (std::size_t i = 0; i < width; ++i) {
      floats[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits + 0x7fffU * i));
    }
    kernels::Packet<float>::load(floats.data()).store(stored.data());
    for (std::size_t i = 0; i < width; ++i) {
      rounds = rounds && stored[i].bits == bfloat16(floats[i]).bits;
    }
    kernels::Packet<float>::load(stored.data()).store(floats.data());
    for (std::size_t i = 0; i < width; ++i) {
      reads = reads && std::bit_cast<std::uint32_t>(floats[i]) == std::uint32_t{stored[i].bits}
                                                                      << 16;
    }
  }
  expect(rounds, "packets of bfloat16, rounded");
  expect(reads, "packets of bfloat16, read");
}

/// b (K, N) is read as its transpose lies, or as it lies.
template <class T>
void check_gemm(Index m, Index n, Index k, bool transposed) {
  const auto a = random_tensor<T>({m, k}, 1);
  const auto b = transposed ? random_tensor<T>({n, k}, 2) : random_tensor<T>({k, n}, 2);
  const kernels::MatrixView<T> view{b.data(), b.dim(1), 1};
  Tensor<T> c({m, n});
  kernels::gemm<T>(m, n, k, {a.data(), k, 1}, transposed ? view.transposed() : view,
                   {c.mutable_data(), n});

  auto expected = Tensor<double>::zeros({m, n});
  double* to = expected.mutable_data();
  for (Index row = 0; row < m; ++row) {
    for (Index column = 0; column < n; ++column, ++to) {
      for (Index i = 0; i < k; ++i) {
        *to += static_cast<double>(a.data()[row * k + i]) *
               static_cast<double>(b.data()[transposed ? column * k + i : i * n + column]);
      }
    }
  }
  expect_close(c, expected, exact<T>, transposed ? "gemm, transposed" : "gemm");
}

/// Products of pairs, also where those of bfloat16 are made of floats.
void check_pairs(Index m, Index n, Index k) {
  const auto a = random_tensor<float>({m, k}, 1).to<bfloat16>();
  const auto b = random_tensor<float>({n, k}, 2).to<bfloat16>();
  Tensor<float> c({m, n});
  kernels::pair_product_transposed(m, n, k, a.data(), b.data(),
                                   kernels::PairOutput<float>{c.mutable_data(), n});
  auto expected = Tensor<double>::zeros({m, n});
  for (Index row = 0; row < m; ++row) {
    for (Index column = 0; column < n; ++column) {
      for (Index i = 0; i < k; ++i) {
        expected.mutable_at(row, column) +=
            static_cast<double>(a(row, i)) * static_cast<double>(b(column, i));
      }
    }
  }
  expect_close(c, expected, exact<float>, "pairs");
}

struct ConvolutionResult {
  Tensor<double> y, dx, dweight;
};

/// All pixels of y, all taps, all pairs of channels of a group, by pointers: an emulator takes its
/// time for the checks of an index.
ConvolutionResult convolve(const Tensor<double>& x, const Tensor<double>& weight,
                           const Tensor<double>& dy, const Convolution& options) {
  ConvolutionResult result{Tensor<double>::zeros(dy.shape()), Tensor<double>::zeros(x.shape()),
                           Tensor<double>::zeros(weight.shape())};
  const Index group_outputs = weight.dim(0) / options.groups;
  const Index inputs = weight.dim(1);
  const Index taps = weight.dim(2) * weight.dim(3);
  const auto add_tap = [&](Index n, Size2d to, Size2d from, Size2d tap) {
    for (Index o = 0; o < weight.dim(0); ++o) {
      const Index first = o / group_outputs * inputs;
      const double* const in = &x(n, from.h, from.w, first);
      const double* const w = &weight(o, 0, tap.h, tap.w);
      const double upstream = dy(n, to.h, to.w, o);
      double& y = result.y.mutable_at(n, to.h, to.w, o);
      double* const dx = &result.dx.mutable_at(n, from.h, from.w, first);
      double* const dweight = &result.dweight.mutable_at(o, 0, tap.h, tap.w);
      for (Index c = 0; c < inputs; ++c) {
        y += in[c] * w[c * taps];
        dx[c] += upstream * w[c * taps];
        dweight[c * taps] += upstream * in[c];
      }
    }
  };
  const Index pixels = dy.dim(1) * dy.dim(2);
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index i = 0; i < pixels * taps; ++i) {
      const Size2d to{i / taps / dy.dim(2), i / taps % dy.dim(2)};
      const Size2d tap{i % taps / weight.dim(3), i % taps % weight.dim(3)};
      const Size2d from{to.h * options.stride.h + tap.h * options.dilation.h - options.padding.h,
                        to.w * options.stride.w + tap.w * options.dilation.w - options.padding.w};
      if (from.h >= 0 && from.h < x.dim(1) && from.w >= 0 && from.w < x.dim(2)) {
        add_tap(n, to, from, tap);
      }
    }
  }
  return result;
}

template <class T>
void check_convolution(const std::string& name, const Shape& x_shape, const Shape& weight_shape,
                       const Convolution& options, double tolerance) {
  const Variable<T> x(random_tensor<T>(x_shape, 1), true);
  const Variable<T> weight(random_tensor<T>(weight_shape, 2), true);
  const auto y = conv2d<T>(x, weight, {}, options);
  const auto dy = random_tensor<T>(y.shape(), 3);
  y.backward(dy);
  const auto expected =
      convolve(x.value().template to<double>(), weight.value().template to<double>(),
               dy.template to<double>(), options);
  expect_close(y.value(), expected.y, tolerance, name + ", y");
  expect_close(x.grad(), expected.dx, tolerance, name + ", dx");
  expect_close(weight.grad(), expected.dweight, tolerance, name + ", dweight");
}

template <class T>
void check_batch_norm(Index rows, Index channels) {
  const Variable<T> x(random_tensor<T>({rows, channels}, 1), true);
  const Variable<T> gamma(random_tensor<T>({channels}, 2), true);
  const Variable<T> beta(random_tensor<T>({channels}, 3), true);
  const auto y = batch_norm(x, gamma, beta);
  const auto upstream = random_tensor<T>(y.shape(), 4);
  y.backward(upstream);

  const auto in = x.value().template to<double>();
  const auto dy = upstream.template to<double>();
  const auto count = static_cast<double>(rows);
  Tensor<double> out(in.shape()), dx(in.shape()), dgamma({channels}), dbeta({channels});
  for (Index c = 0; c < channels; ++c) {
    double mean = 0, variance = 0, sum = 0, product = 0;
    for (Index row = 0; row < rows; ++row) {
      mean += in(row, c) / count;
    }
    for (Index row = 0; row < rows; ++row) {
      variance += (in(row, c) - mean) * (in(row, c) - mean) / count;
    }
    const double inverse = 1 / std::sqrt(variance + 1e-5);
    for (Index row = 0; row < rows; ++row) {
      sum += dy(row, c);
      product += dy(row, c) * (in(row, c) - mean) * inverse;
    }
    const auto scale = static_cast<double>(gamma.value()(c));
    for (Index row = 0; row < rows; ++row) {
      const double normal = (in(row, c) - mean) * inverse;
      out.mutable_at(row, c) = normal * scale + static_cast<double>(beta.value()(c));
      dx.mutable_at(row, c) =
          scale * inverse * (dy(row, c) - sum / count - normal * product / count);
    }
    dgamma.mutable_at(c) = product;
    dbeta.mutable_at(c) = sum;
  }
  expect_close(y.value(), out, exact<T>, "batch norm, y");
  expect_close(x.grad(), dx, exact<T>, "batch norm, dx");
  expect_close(gamma.grad(), dgamma, exact<T>, "batch norm, dgamma");
  expect_close(beta.grad(), dbeta, exact<T>, "batch norm, dbeta");
}

/// A recurrent layer, as a function of its inputs: values by the reference, gradients in float by
/// those in double, which check_gradients holds against differences.
template <class Layer>
void check_recurrent(const std::string& name, const Layer& layer, const Tensors<double>& inputs,
                     const Tensors<double>& expected) {
  constexpr double growth = 10;  // of errors, from step to step
  const auto in_float = leaves_of<float>(inputs);
  const auto in_double = leaves_of<double>(inputs);
  const auto out_float = layer(in_float);
  const auto out_double = layer(in_double);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expect_close(out_float[i].value(), expected[i], growth * exact<float>, name);
    expect_close(out_double[i].value(), expected[i], growth * exact<double>, name);
  }
  const auto dy = random_tensor<float>(expected[0].shape(), 5);
  out_float[0].backward(dy);
  out_double[0].backward(dy.to<double>());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    expect_close(in_float[i].grad(), in_double[i].grad(), growth * exact<float>,
                 name + ", gradient");
  }
}

template <class Layer>
void check_gradients(const std::string& name, const Layer& layer, const Tensors<double>& inputs) {
  const auto result = gradcheck(layer, inputs);
  expect(static_cast<bool>(result), name + ", gradcheck\n" + result.log);
}

void check_recurrent_layers() {
  for (const RecurrentKind kind : recurrent_kinds) {
    const std::string name = to_message("recurrent ", static_cast<int>(kind));
    const auto layer = [kind](const auto& v) { return run_recurrent(kind, v); };
    const RecurrentSizes sizes{5, 4, 7, 19, 2};
    const auto inputs = recurrent_inputs(kind, sizes);
    check_recurrent(name, layer, inputs, RecurrentReference(kind, sizes, inputs).outputs());
    check_gradients(name, layer, recurrent_inputs(kind, {2, 3, 2, 5, 1}));
  }
}

void check_conv_lstm(ConvAlgorithm algorithm) {
  const auto layer_of = [](const ConvLstmSizes& sizes) {
    return [sizes](const auto& v) { return run_conv_lstm(sizes, v); };
  };
  ConvLstmSizes sizes{3, 2, 4, 5, 2, 9, 2};
  sizes.algorithm = algorithm;
  const auto inputs = conv_lstm_inputs(sizes);
  check_recurrent("conv_lstm", layer_of(sizes), inputs, conv_lstm_reference(sizes, inputs));
  ConvLstmSizes few{2, 2, 3, 3, 2, 3, 1};
  few.algorithm = algorithm;
  check_gradients("conv_lstm", layer_of(few), conv_lstm_inputs(few));
}

template <class T, class Function>
void check_function(const std::string& what, const Function& function) {
  constexpr std::uint64_t step = std::is_same_v<T, float> ? 40009 : 175921860444431;
  const auto [error, at] = worst_ulps<T>(function, step);
  expect(error <= 2, to_message(sizeof(T) == sizeof(float) ? "float " : "double ", what,
                                ": expected an error of at most 2 ulp, got ", error, " at ", at));
}

/// Back and forth again.
template <class T>
void check_wavelet() {
  for (const auto extension : {WaveletExtension::periodic, WaveletExtension::symmetric}) {
    const WaveletOptions options{wavelets::db3, extension};
    const Variable<T> x(random_tensor<T>({2, 9, 12, 21}, 1));
    const auto again = idwt2d(dwt2d(x, options), options, {9, 12});
    expect_close(again.value(), x.value().template to<double>(), exact<T>, "wavelet");
  }
}

/// The gradient of ones: 1 at the largest of each window of 3 x 3.
template <class T>
void check_max_pool() {
  const Variable<T> x(random_tensor<T>({2, 9, 7, 37}, 1), true);
  const auto y = max_pool2d(x, {.kernel = 3, .stride = 2});
  y.backward(Tensor<T>::ones(y.shape()));
  auto dx = Tensor<double>::zeros(x.shape());
  for (Index i = 0; i < y.value().size(); ++i) {
    const Index c = i % 37;
    const Index q = i / 37 % 3;
    const Index p = i / 37 / 3 % 4;
    const Index n = i / 37 / 3 / 4;
    Index best = 0;
    for (Index tap = 1; tap < 9; ++tap) {
      const auto at = [&](Index k) { return x.value()(n, 2 * p + k / 3, 2 * q + k % 3, c); };
      best = at(tap) > at(best) ? tap : best;
    }
    dx.mutable_at(n, 2 * p + best / 3, 2 * q + best % 3, c) += 1;
  }
  expect_close(x.grad(), dx, 0, "max-pooling");
}

template <class T>
void check_all() {
  for (const bool transposed : {false, true}) {
    for (const auto& [m, n, k] : {std::array<Index, 3>{3, 41, 37}, {29, 75, 61}, {50, 520, 300}}) {
      check_gemm<T>(m, n, k, transposed);
    }
  }
  const auto direct = ConvAlgorithm::direct;
  check_convolution<T>("direct 3x3", {2, 9, 7, 19}, {37, 19, 3, 3},
                       {.padding = 1, .algorithm = direct}, exact<T>);
  check_convolution<T>("direct 1x1", {2, 6, 5, 35}, {21, 35, 1, 1}, {.algorithm = direct},
                       exact<T>);
  check_convolution<T>("direct 5x5 with stride", {1, 11, 9, 3}, {18, 3, 5, 5},
                       {.stride = 2, .padding = 2, .algorithm = direct}, exact<T>);
  check_convolution<T>("direct 5x5 of one channel", {1, 11, 9, 1}, {2, 1, 5, 5}, {}, exact<T>);
  check_convolution<T>("Winograd", {3, 11, 9, 19}, {37, 19, 3, 3},
                       {.padding = 1, .algorithm = ConvAlgorithm::winograd}, 10 * exact<T>);
  for (const Index channels : {3, 6}) {
    check_convolution<T>("Winograd, few channels", {2, 10, 9, channels}, {37, channels, 3, 3},
                         {.padding = 1, .algorithm = ConvAlgorithm::winograd}, 10 * exact<T>);
  }
  check_convolution<T>("depthwise with stride", {2, 9, 8, 37}, {37, 1, 3, 3},
                       {.stride = 2, .padding = 1, .groups = 37}, exact<T>);
  check_convolution<T>("depthwise 5x5", {1, 6, 19, 5}, {5, 1, 5, 5}, {.padding = 2, .groups = 5},
                       exact<T>);
  check_convolution<T>("narrow groups", {2, 7, 9, 12}, {18, 2, 3, 3}, {.padding = 1, .groups = 6},
                       exact<T>);
  check_convolution<T>("Winograd in groups", {2, 9, 10, 36}, {30, 12, 3, 3},
                       {.padding = 1, .groups = 3}, 10 * exact<T>);
  check_convolution<T>("Winograd in pairs of groups", {1, 7, 6, 32}, {32, 8, 3, 3},
                       {.padding = 1, .groups = 4}, 10 * exact<T>);
  check_convolution<T>("groups with stride", {2, 9, 8, 38}, {34, 19, 3, 3},
                       {.stride = 2, .padding = 1, .groups = 2}, exact<T>);
  check_convolution<T>("to one output", {2, 7, 20, 19}, {1, 19, 5, 3}, {.padding = {2, 1}},
                       exact<T>);
  check_convolution<T>("1x1 with stride", {2, 6, 5, 35}, {21, 35, 1, 1}, {.stride = 2}, exact<T>);
  check_convolution<T>("5x5 in pieces", {2, 9, 7, 36}, {21, 36, 5, 5}, {.padding = 2},
                       10 * exact<T>);
  check_convolution<T>("3x3 at a stride in pieces", {4, 28, 28, 36}, {64, 36, 3, 3},
                       {.stride = 2, .padding = 1}, 10 * exact<T>);
  check_convolution<T>("the weights of many channels from all tiles", {1, 7, 9, 108},
                       {560, 108, 3, 3}, {.padding = 1, .algorithm = ConvAlgorithm::winograd},
                       10 * exact<T>);
  check_convolution<T>("dilated in pieces", {1, 9, 10, 17}, {19, 17, 3, 3},
                       {.padding = 2, .dilation = 2}, 10 * exact<T>);
  check_batch_norm<T>(75, 37);
  check_batch_norm<T>(20, 130);
  check_function<T>("exp", exp_of);
  check_function<T>("sigmoid", sigmoid_of);
  check_function<T>("tanh", tanh_of);
  check_wavelet<T>();
  check_max_pool<T>();
}

}  // namespace

int main() {
  check_bfloat16();
  check_pairs(29, 37, 43);
  check_pairs(3, 37, 70);
  check_all<float>();
  check_all<double>();
  check_recurrent_layers();
  check_conv_lstm(ConvAlgorithm::direct);
  check_conv_lstm(ConvAlgorithm::winograd);
  std::cout << kernels::build_info().instruction_set << '\n';
  return passed ? 0 : 1;
}
