#include "shapes_bench/recurrent.hpp"

#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/autograd/grad_mode.hpp"
#include "cnnrnn/nn/gru.hpp"
#include "cnnrnn/nn/lstm.hpp"
#include "cnnrnn/nn/rnn.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace bench {

namespace {

struct Case {
  Index t, n, f, u;

  std::string name(const std::string& kind) const {
    return to_message(kind, '/', t, '/', n, '/', f, '/', u);
  }
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {1, 1, 256, 256},     {1, 32, 256, 256},   {1, 256, 512, 512},  {10, 1, 64, 64},
      {10, 8, 128, 128},    {10, 32, 300, 300},  {10, 256, 256, 256}, {10, 32, 1024, 1024},
      {10, 256, 512, 512},  {100, 1, 100, 100},  {100, 1, 256, 256},  {100, 1, 1024, 1024},
      {100, 8, 64, 64},     {100, 8, 256, 256},  {100, 8, 300, 512},  {100, 32, 64, 128},
      {100, 32, 100, 100},  {100, 32, 256, 256}, {100, 32, 512, 512}, {100, 256, 64, 64},
      {100, 256, 128, 128}, {500, 1, 128, 128},  {500, 1, 300, 300},  {500, 8, 128, 256},
      {500, 32, 64, 64},
  };
  return all;
}

const std::vector<Case>& bidirectional_cases() {
  static const std::vector<Case> all{
      {10, 1, 128, 128},  {10, 256, 128, 128}, {100, 1, 256, 256},  {100, 8, 100, 100},
      {100, 8, 512, 512}, {100, 32, 128, 128}, {100, 32, 256, 256}, {500, 1, 64, 64},
  };
  return all;
}

template <class Layer>
void run(benchmark::State& state, const Case& c, Layer layer, Index gates, Index directions,
         bool train) {
  Variable<float> x(random_tensor({c.n, c.t, c.f}), true);
  const auto dy = random_tensor({c.n, c.t, directions * c.u});
  layer.train(train);
  std::optional<NoGradGuard> no_grad;
  if (!train) {
    no_grad.emplace();
  }
  const double seconds = time_iterations(state, [&] {
    const auto y = layer(x).y;
    if (train) {
      x.zero_grad();
      layer.zero_grad();
      y.backward(dy);
    }
  });
  const Index flops = 2 * directions * c.n * c.t * gates * c.u * (c.f + c.u);
  report_flops(state, (train ? 3 : 1) * flops, seconds);
  const Index weights = directions * gates * c.u * (c.f + c.t * c.u);
  report_traffic(state, weights, seconds);
}

/// The cases of a kind, with a layer made by make(case, bidirectional, random).
template <class Make>
void register_kind(const std::string& kind, Index gates, const Make& make) {
  for (const bool both : {false, true}) {
    for (const Case& c : both ? bidirectional_cases() : cases()) {
      for (const bool train : {false, true}) {
        const auto body = [=](benchmark::State& state) {
          Random random(1);
          run(state, c, make(c, both, random), gates, both ? 2 : 1, train);
        };
        const std::string name = c.name(kind + (both ? "_bidirectional" : ""));
        benchmark::RegisterBenchmark((name + (train ? "/train" : "/forward")).c_str(), body)
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace

void register_recurrent() {
  register_kind("lstm", 4, [](const Case& c, bool both, Random& random) {
    return nn::Lstm<float>(c.f, c.u, {.bidirectional = both}, random);
  });
  register_kind("gru", 3, [](const Case& c, bool both, Random& random) {
    return nn::Gru<float>(c.f, c.u, {.bidirectional = both}, random);
  });
  register_kind("rnn", 1, [](const Case& c, bool both, Random& random) {
    return nn::Rnn<float>(c.f, c.u, {.bidirectional = both}, random);
  });
}

}  // namespace bench
