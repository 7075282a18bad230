// 3x3 convolutions with padding 1 on a batch of 128: NAME/H/C/O, images H x H from C to O channels.
#include "cnnrnn/ops/conv2d.hpp"

#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  explicit Case(const benchmark::State& state)
      : d{.n = 128,
          .h = state.range(0),
          .w = state.range(0),
          .c = state.range(1),
          .o = state.range(2),
          .kernel = 3,
          .padding = 1},
        x(bench::random_tensor({d.n, d.h, d.w, d.c})),
        weight(bench::random_tensor({d.o, d.c, 3, 3})),
        y(bench::random_tensor({d.n, d.h, d.w, d.o})) {}

  Index flops() const { return 2 * y.size() * 9 * d.c; }

  kernels::Conv2dDims d;
  Tensor<float> x, weight, y;
};

void conv2d_forward(benchmark::State& state) {
  Case c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::conv2d_forward<float>(c.d, c.x.data(), c.weight.data(), {c.y.mutable_data(), c.d.o});
  });
  bench::report_flops(state, c.flops(), seconds);
}

void conv2d_backward_input(benchmark::State& state) {
  Case c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::conv2d_backward_input<float>(c.d, c.weight.data(), c.y.data(),
                                          {c.x.mutable_span(), false});
  });
  bench::report_flops(state, c.flops(), seconds);
}

void conv2d_backward_weight(benchmark::State& state) {
  Case c(state);
  const double seconds = bench::time_iterations(state, [&] {
    kernels::conv2d_backward_weight<float>(c.d, c.x.data(), c.y.data(),
                                           {c.weight.mutable_span(), false});
  });
  bench::report_flops(state, c.flops(), seconds);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({32, 3, 32})->Args({32, 16, 16})->Args({32, 32, 32})->Args({32, 64, 64});
  benchmark->Args({16, 32, 32})->Args({16, 64, 64})->Args({16, 128, 128});
  benchmark->Args({8, 64, 64})->Args({8, 256, 256});
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(conv2d_forward)->Apply(shapes);
BENCHMARK(conv2d_backward_input)->Apply(shapes);
BENCHMARK(conv2d_backward_weight)->Apply(shapes);

}  // namespace
