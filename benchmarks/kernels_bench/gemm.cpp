// Square matrix products, ours and Eigen's, N x N; and a dense layer, NAME/B/I/O: batch B, from I
// to O features. Packing is timed, as it happens in every call.
#include "cnnrnn/kernels/gemm.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

void gemm(benchmark::State& state) {
  const Index n = state.range(0);
  const auto a = bench::random_tensor({n, n});
  const auto b = bench::random_tensor({n, n});
  Tensor<float> c({n, n});
  const double seconds = bench::time_iterations(state, [&] {
    kernels::gemm<float>(n, n, n, {a.data(), n, 1}, {b.data(), n, 1}, {c.mutable_data(), n});
  });
  bench::report_flops(state, 2 * n * n * n, seconds);
}

struct LinearCase {
  explicit LinearCase(const benchmark::State& state)
      : d{state.range(0), state.range(1), state.range(2)},
        x(bench::random_tensor({d.n, d.i})),
        weight(bench::random_tensor({d.o, d.i})),
        y(bench::random_tensor({d.n, d.o})) {}

  Index flops() const { return 2 * d.n * d.i * d.o; }

  kernels::LinearDims d;
  Tensor<float> x, weight, y;
};

void linear_forward(benchmark::State& state) {
  LinearCase c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::linear_forward<float>(c.d, c.x.data(), c.weight.data(), nullptr, c.y.mutable_data());
  });
  bench::report_flops(state, c.flops(), seconds);
}

void linear_backward_input(benchmark::State& state) {
  LinearCase c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::linear_backward_input<float>(c.d, c.weight.data(), c.y.data(),
                                          {c.x.mutable_span(), false});
  });
  bench::report_flops(state, c.flops(), seconds);
}

void linear_backward_weight(benchmark::State& state) {
  LinearCase c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::linear_backward_weight<float>(c.d, c.x.data(), c.y.data(),
                                           {c.weight.mutable_span(), false});
  });
  bench::report_flops(state, c.flops(), seconds);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->RangeMultiplier(2)->Range(8, 1024);
  benchmark->Unit(benchmark::kMicrosecond);
}

void layers(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({128, 4096, 512})->Args({128, 512, 512})->Args({1, 4096, 512});
  benchmark->Unit(benchmark::kMicrosecond);
}

BENCHMARK(gemm)->Apply(sizes);
BENCHMARK(linear_forward)->Apply(layers);
BENCHMARK(linear_backward_input)->Apply(layers);
BENCHMARK(linear_backward_weight)->Apply(layers);

}  // namespace
