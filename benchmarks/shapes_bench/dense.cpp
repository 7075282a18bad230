#include "shapes_bench/dense.hpp"

#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/autograd/grad_mode.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "support/precision.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace bench {

namespace {

struct Case {
  Index n, in, out;

  std::string name() const { return to_message("dense/", n, '/', in, '/', out); }
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {1, 64, 64},       {1, 300, 100},      {1, 512, 512},    {1, 1024, 4096},  {1, 4096, 1024},
      {1, 4096, 4096},   {4, 512, 512},      {8, 64, 64},      {8, 256, 1024},   {8, 1024, 256},
      {8, 4096, 1024},   {16, 1024, 1024},   {32, 100, 300},   {32, 256, 256},   {32, 1024, 1024},
      {32, 4096, 4096},  {64, 300, 1000},    {128, 64, 4096},  {128, 4096, 64},  {128, 512, 512},
      {256, 1024, 1024}, {256, 300, 300},    {512, 768, 3072}, {512, 3072, 768}, {1024, 64, 64},
      {1024, 256, 256},  {1024, 512, 10},    {4096, 64, 64},   {4096, 64, 256},  {4096, 256, 64},
      {4096, 100, 300},  {4096, 1024, 1024},
  };
  return all;
}

template <class T>
void run(benchmark::State& state, const Case& c, bool train) {
  Random random(1);
  nn::Linear<T> layer(c.in, c.out, random);
  Variable<T> x(random_tensor<T>({c.n, c.in}), true);
  const auto dy = random_tensor<T>({c.n, c.out});
  layer.train(train);
  std::optional<NoGradGuard> no_grad;
  if (!train) {
    no_grad.emplace();
  }
  const double seconds = time_iterations(state, [&] {
    const auto y = layer(x);
    if (train) {
      x.zero_grad();
      layer.zero_grad();
      y.backward(dy);
    }
  });
  report_flops(state, (train ? 3 : 1) * 2 * c.n * c.in * c.out, seconds);
  const Index numbers = c.n * (c.in + c.out) + c.in * c.out;
  report_traffic<T>(state, (train ? 3 : 1) * numbers, seconds);
}

template <class T>
void register_in() {
  for (const Case& c : cases()) {
    for (const bool train : {false, true}) {
      const std::string name = c.name() + (train ? "/train" : "/forward") + precision_suffix<T>;
      benchmark::RegisterBenchmark(name.c_str(), run<T>, c, train)->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace

void register_dense() {
  register_in<float>();
  register_in<bfloat16>();
}

}  // namespace bench
