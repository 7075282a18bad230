// Kernels against plain loops in double, on whatever instruction set the program is compiled for;
// prints its name. Sizes are no multiples of any vector's width.
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/core/build_info.hpp"
#include "cnnrnn/kernels/tanh.hpp"
#include "cnnrnn/ops/batch_norm.hpp"
#include "cnnrnn/ops/conv2d.hpp"
#include "cnnrnn/ops/lstm.hpp"
#include "cnnrnn/ops/wavelet.hpp"
#include "support/random_tensor.hpp"

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
    worst = error <= worst ? worst : error;  // a NaN is the worst
  }
  expect(actual.shape() == expected.shape() && worst <= tolerance * scale,
         to_message(sizeof(T) == sizeof(float) ? "float " : "double ", what, " ", actual.shape(),
                    ", worst error ", worst));
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
        *to += static_cast<double>(a(row, i)) *
               static_cast<double>(transposed ? b(column, i) : b(i, column));
      }
    }
  }
  expect_close(c, expected, exact<T>, transposed ? "gemm, transposed" : "gemm");
}

struct ConvolutionResult {
  Tensor<double> y, dx, dweight;
};

/// All pixels of y, all taps, all pairs of channels.
ConvolutionResult convolve(const Tensor<double>& x, const Tensor<double>& weight,
                           const Tensor<double>& dy, const Convolution& options) {
  ConvolutionResult result{Tensor<double>::zeros(dy.shape()), Tensor<double>::zeros(x.shape()),
                           Tensor<double>::zeros(weight.shape())};
  const auto add_tap = [&](Index n, Size2d to, Size2d from, Size2d tap) {
    for (Index o = 0; o < weight.dim(0); ++o) {
      for (Index c = 0; c < weight.dim(1); ++c) {
        const double w = weight(o, c, tap.h, tap.w);
        result.y.mutable_at(n, to.h, to.w, o) += x(n, from.h, from.w, c) * w;
        result.dx.mutable_at(n, from.h, from.w, c) += dy(n, to.h, to.w, o) * w;
        result.dweight.mutable_at(o, c, tap.h, tap.w) +=
            dy(n, to.h, to.w, o) * x(n, from.h, from.w, c);
      }
    }
  };
  const Index taps = weight.dim(2) * weight.dim(3);
  const Index pixels = dy.dim(1) * dy.dim(2);
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index i = 0; i < pixels * taps; ++i) {
      const Size2d to{i / taps / dy.dim(2), i / taps % dy.dim(2)};
      const Size2d tap{i % taps / weight.dim(3), i % taps % weight.dim(3)};
      const Size2d from{to.h * options.stride.h + tap.h - options.padding.h,
                        to.w * options.stride.w + tap.w - options.padding.w};
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

/// x (N, T, F), weight_ih (4U, F), weight_hh (4U, U), a bias (4U).
template <class T>
std::vector<Variable<T>> lstm_inputs(Index n, Index t, Index f, Index u) {
  return {Variable<T>(random_tensor<T>({n, t, f}, 1), true),
          Variable<T>(random_tensor<T>({4 * u, f}, 2), true),
          Variable<T>(random_tensor<T>({4 * u, u}, 3), true),
          Variable<T>(random_tensor<T>({4 * u}, 4), true)};
}

template <class T>
Variable<T> lstm(const std::vector<Variable<T>>& inputs) {
  return lstm_layer<T>(inputs[0], {{inputs[1], inputs[2], inputs[3], {}}}).y;
}

/// y (N, T, U) gate by gate, from states of zero.
template <class T>
Tensor<double> lstm_reference(const std::vector<Variable<T>>& inputs) {
  const auto x = inputs[0].value().template to<double>();
  const auto weight_ih = inputs[1].value().template to<double>();
  const auto weight_hh = inputs[2].value().template to<double>();
  const auto bias = inputs[3].value().template to<double>();
  const Index units = weight_hh.dim(1);
  const auto sigmoid = [](double a) { return 1 / (1 + std::exp(-a)); };
  Tensor<double> y({x.dim(0), x.dim(1), units});
  for (Index n = 0; n < x.dim(0); ++n) {
    auto state = Tensor<double>::zeros({units});
    for (Index t = 0; t < x.dim(1); ++t) {
      const auto gate = [&](Index row) {
        double sum = bias(row);
        for (Index i = 0; i < x.dim(2); ++i) {
          sum += weight_ih(row, i) * x(n, t, i);
        }
        for (Index i = 0; i < units && t > 0; ++i) {
          sum += weight_hh(row, i) * y(n, t - 1, i);
        }
        return sum;
      };
      for (Index u = 0; u < units; ++u) {
        state.mutable_at(u) =
            sigmoid(gate(units + u)) * state(u) + sigmoid(gate(u)) * std::tanh(gate(2 * units + u));
        y.mutable_at(n, t, u) = sigmoid(gate(3 * units + u)) * std::tanh(state(u));
      }
    }
  }
  return y;
}

/// The values by the reference, the gradients in double by differences, those in float by them.
void check_lstm() {
  const auto in_float = lstm_inputs<float>(5, 4, 7, 19);
  auto in_double = std::vector<Variable<double>>();
  for (const auto& input : in_float) {
    in_double.emplace_back(input.value().to<double>(), true);
  }
  const auto expected = lstm_reference(in_double);
  const auto y_float = lstm(in_float);
  const auto y_double = lstm(in_double);
  expect_close(y_float.value(), expected, exact<float>, "lstm, y");
  expect_close(y_double.value(), expected, exact<double>, "lstm, y");

  const auto dy = random_tensor<float>(y_float.shape(), 5);
  y_float.backward(dy);
  y_double.backward(dy.to<double>());
  for (std::size_t i = 0; i < in_float.size(); ++i) {
    expect_close(in_float[i].grad(), in_double[i].grad(), exact<float>, "lstm, gradient");
  }

  std::vector<Tensor<double>> points;
  for (const auto& input : lstm_inputs<double>(2, 3, 2, 5)) {
    points.push_back(input.value());
  }
  const auto result = gradcheck([](const auto& v) { return std::vector{lstm(v)}; }, points);
  expect(static_cast<bool>(result), "lstm, gradcheck\n" + result.log);
}

/// From where it is 1 to where it is nearly linear.
template <class T>
void check_tanh() {
  constexpr Index count = 83;
  Tensor<T> x({count}), y({count});
  Tensor<double> expected({count});
  for (Index i = 0; i < count; ++i) {
    x.mutable_at(i) = T(0.5) * static_cast<T>(i - count / 2);
    expected.mutable_at(i) = std::tanh(static_cast<double>(x(i)));
  }
  kernels::tanh_forward(x.span(), y.mutable_span());
  expect_close(y, expected, exact<T>, "tanh");
  expect(y(0) == -1 && y(count - 1) == 1, "tanh, far from 0");
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
  check_convolution<T>("Winograd", {3, 11, 9, 19}, {37, 19, 3, 3},
                       {.padding = 1, .algorithm = ConvAlgorithm::winograd}, 10 * exact<T>);
  check_batch_norm<T>(75, 37);
  check_batch_norm<T>(20, 130);
  check_tanh<T>();
  check_wavelet<T>();
}

}  // namespace

int main() {
  check_all<float>();
  check_all<double>();
  check_lstm();
  std::cout << kernels::build_info().instruction_set << '\n';
  return passed ? 0 : 1;
}
