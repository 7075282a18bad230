// Bidirectional recurrent layers on a batch of 1024: NAME/T/F/U, T steps of F features, U units.
#include "cnnrnn/nn/lstm.hpp"

#include "cnnrnn/autograd/grad_mode.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

struct Case {
  explicit Case(const benchmark::State& state)
      : t(state.range(0)), f(state.range(1)), u(state.range(2)) {}

  /// Of the forward pass of both directions.
  Index flops(Index gates) const { return 2 * 2 * batch * t * gates * u * (f + u); }

  static constexpr Index batch = 1024;
  Index t, f, u;
  Random random{1};
  Variable<float> x{bench::random_tensor({batch, t, f}), true};
};

void lstm_forward(benchmark::State& state) {
  Case c(state);
  nn::Lstm<float> lstm(c.f, c.u, {.bidirectional = true}, c.random);
  const NoGradGuard no_grad;
  const double seconds = bench::time_iterations(state, [&] { lstm(c.x); });
  bench::report_flops(state, c.flops(4), seconds);
}

void lstm_train(benchmark::State& state) {
  Case c(state);
  nn::Lstm<float> lstm(c.f, c.u, {.bidirectional = true}, c.random);
  const auto dy = bench::random_tensor({Case::batch, c.t, 2 * c.u});
  const double seconds = bench::time_iterations(state, [&] {
    c.x.zero_grad();
    lstm.zero_grad();
    lstm(c.x).y.backward(dy);
  });
  bench::report_flops(state, 3 * c.flops(4), seconds);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({8, 512, 32})->Args({4, 1024, 32})->Args({32, 64, 128});
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(lstm_forward)->Apply(shapes);
BENCHMARK(lstm_train)->Apply(shapes);

}  // namespace
