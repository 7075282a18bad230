// Bidirectional recurrent layers on a batch of 1024: NAME/T/F/U, T steps of F features, U units;
// the RNN has ReLUs.
#include "cnnrnn/autograd/grad_mode.hpp"
#include "cnnrnn/nn/gru.hpp"
#include "cnnrnn/nn/lstm.hpp"
#include "cnnrnn/nn/rnn.hpp"
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

/// A network is made by make(case).
template <class Make>
void forward(benchmark::State& state, Index gates, const Make& make) {
  Case c(state);
  auto network = make(c);
  const NoGradGuard no_grad;
  const double seconds = bench::time_iterations(state, [&] { network(c.x); });
  bench::report_flops(state, c.flops(gates), seconds);
}

template <class Make>
void train(benchmark::State& state, Index gates, const Make& make) {
  Case c(state);
  auto network = make(c);
  const auto dy = bench::random_tensor({Case::batch, c.t, 2 * c.u});
  const double seconds = bench::time_iterations(state, [&] {
    c.x.zero_grad();
    network.zero_grad();
    network(c.x).y.backward(dy);
  });
  bench::report_flops(state, 3 * c.flops(gates), seconds);
}

nn::Lstm<float> lstm(Case& c) { return {c.f, c.u, {.bidirectional = true}, c.random}; }
nn::Gru<float> gru(Case& c) { return {c.f, c.u, {.bidirectional = true}, c.random}; }
nn::Rnn<float> rnn(Case& c) {
  return {c.f, c.u, {.bidirectional = true, .nonlinearity = RnnNonlinearity::relu}, c.random};
}

void lstm_forward(benchmark::State& state) { forward(state, 4, lstm); }
void lstm_train(benchmark::State& state) { train(state, 4, lstm); }
void gru_forward(benchmark::State& state) { forward(state, 3, gru); }
void gru_train(benchmark::State& state) { train(state, 3, gru); }
void rnn_forward(benchmark::State& state) { forward(state, 1, rnn); }
void rnn_train(benchmark::State& state) { train(state, 1, rnn); }

void tap(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({8, 512, 32})->Unit(benchmark::kMillisecond);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  tap(benchmark);
  benchmark->Args({4, 1024, 32})->Args({32, 64, 128});
}

BENCHMARK(lstm_forward)->Apply(shapes);
BENCHMARK(lstm_train)->Apply(shapes);
BENCHMARK(gru_forward)->Apply(tap);
BENCHMARK(gru_train)->Apply(tap);
BENCHMARK(rnn_forward)->Apply(tap);
BENCHMARK(rnn_train)->Apply(tap);

}  // namespace
