// A training pass, forward and backward, through what stands between convolutions: NAME/H/C, a
// batch of 128 images H x H of C channels.
#include "cnnrnn/nn/batch_norm.hpp"

#include "cnnrnn/ops/pooling.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

Shape image_shape(const benchmark::State& state) {
  return {128, state.range(0), state.range(0), state.range(1)};
}

void batch_norm_relu_train(benchmark::State& state) {
  Variable<float> x(bench::random_tensor(image_shape(state)), true);
  const auto dy = bench::random_tensor(x.shape());
  nn::BatchNorm2d<float> batch_norm(state.range(1));
  const double seconds = bench::time_iterations(state, [&] {
    x.zero_grad();
    batch_norm.zero_grad();
    batch_norm.relu(x).backward(dy);
  });
  // Statistics, then normalisation; the gradient's sums, then the gradient.
  constexpr Index passes = 1 + 2 + 2 + 3;
  bench::report_traffic(state, passes * dy.size(), seconds);
}

void max_pool_train(benchmark::State& state) {
  Variable<float> x(bench::random_tensor(image_shape(state)), true);
  const Index half = state.range(0) / 2;
  const auto dy = bench::random_tensor({128, half, half, state.range(1)});
  const double seconds = bench::time_iterations(state, [&] {
    x.zero_grad();
    max_pool2d(x).backward(dy);
  });
  bench::report_traffic(state, 2 * x.value().size() + 2 * dy.size(), seconds);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({32, 16})->Args({32, 32})->Args({32, 64})->Args({16, 64})->Args({8, 256});
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(batch_norm_relu_train)->Apply(shapes);
BENCHMARK(max_pool_train)->Apply(shapes);

}  // namespace
