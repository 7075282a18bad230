// A training pass, forward and backward, through a max-pooling of 2 x 2: NAME/H/C, a batch of 128
// images H x H of C channels.
#include "cnnrnn/ops/pooling.hpp"

#include "support/image_shapes.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

void max_pool_train(benchmark::State& state) {
  Variable<float> x(bench::random_tensor(bench::image_batch(state)), true);
  const Index half = state.range(0) / 2;
  const auto dy = bench::random_tensor({128, half, half, state.range(1)});
  const double seconds = bench::time_iterations(state, [&] {
    x.zero_grad();
    max_pool2d(x).backward(dy);
  });
  bench::report_traffic(state, 2 * x.value().size() + 2 * dy.size(), seconds);
}

BENCHMARK(max_pool_train)->Apply(bench::image_shapes);

}  // namespace
