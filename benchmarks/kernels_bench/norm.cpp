// A training pass, forward and backward, through a batch norm with its ReLU: NAME/H/C, a batch
// of 128 images H x H of C channels.
#include "cnnrnn/nn/batch_norm.hpp"

#include "support/image_shapes.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

void batch_norm_relu_train(benchmark::State& state) {
  Variable<float> x(bench::random_tensor(bench::image_batch(state)), true);
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

BENCHMARK(batch_norm_relu_train)->Apply(bench::image_shapes);

}  // namespace
