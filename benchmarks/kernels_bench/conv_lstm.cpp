// Bidirectional ConvLSTMs on a batch of 1024 sequences of 4 x 4 patches, 3x3 kernels, with
// peepholes: NAME/T/F/U, T steps of F channels, U filters.
#include "cnnrnn/nn/conv_lstm.hpp"

#include "cnnrnn/autograd/grad_mode.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  explicit Case(const benchmark::State& state)
      : t(state.range(0)),
        f(state.range(1)),
        u(state.range(2)),
        layer(f, u, size, {.bidirectional = true}, random) {}

  /// Of the forward pass of both directions, as direct convolutions with zeros around the maps.
  Index flops() const { return 2 * 2 * batch * t * size * size * 9 * 4 * u * (f + u); }

  static constexpr Index batch = 1024;
  static constexpr Index size = 4;
  Index t, f, u;
  Random random{1};
  nn::ConvLstm<float> layer;
  Variable<float> x{bench::random_tensor({batch, t, size, size, f}), true};
};

void convlstm_forward(benchmark::State& state) {
  Case c(state);
  const NoGradGuard no_grad;
  const double seconds = bench::time_iterations(state, [&] { c.layer(c.x); });
  bench::report_flops(state, c.flops(), seconds);
}

void convlstm_train(benchmark::State& state) {
  Case c(state);
  const auto dy = bench::random_tensor({Case::batch, c.t, Case::size, Case::size, 2 * c.u});
  const double seconds = bench::time_iterations(state, [&] {
    c.x.zero_grad();
    c.layer.zero_grad();
    c.layer(c.x).y.backward(dy);
  });
  bench::report_flops(state, 3 * c.flops(), seconds);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({4, 32, 8})->Args({2, 64, 8})->Args({4, 64, 32});
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(convlstm_forward)->Apply(shapes);
BENCHMARK(convlstm_train)->Apply(shapes);

}  // namespace
