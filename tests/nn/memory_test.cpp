// What a training step holds and asks for, in bytes.

#include <cstddef>

#include "cnnrnn/cnnrnn.hpp"
#include "support/catch.hpp"
#include "support/own_thread.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

AllocatorStatistics memory() { return CachingAllocator::instance().statistics(); }

nn::Sequential<float> small_network(Random& random) {
  using namespace nn;
  const Conv2dOptions same{.kernel = 3, .padding = 1, .bias = false};
  return nn::Sequential<float>(Conv2d<float>(3, 16, same, random), BatchNorm2d<float>(16),
                               Relu<float>(), Conv2d<float>(16, 16, same, random),
                               BatchNorm2d<float>(16), Relu<float>(), MaxPool2d<float>(),
                               Flatten<float>(), Linear<float>(16 * 8 * 8, 10, random));
}

/// Bytes that a forward pass leaves in use beside its output y, as parts of the bytes of x.
template <class Forward>
double kept(const Variable<float>& x, const Forward& forward) {
  const auto before = memory().bytes_in_use;
  Variable<float> y;
  on_own_thread([&] { y = forward(x); });
  const auto left = static_cast<double>(memory().bytes_in_use - before);
  const auto size = [](const Variable<float>& v) {
    return static_cast<double>(v.value().size()) * sizeof(float);
  };
  return (left - size(y)) / size(x);
}

}  // namespace

TEST_CASE("after two steps of training nothing more comes from the system") {
  set_threads(1);  // how much scratch threads hold at once is a matter of chance
  Random random(1);
  auto model = small_network(random);
  optim::Adam<float> adam(model.parameters());
  const auto x = random_tensor<float>({32, 16, 16, 3}, 1);
  const auto labels = Tensor<Index>::zeros({32});
  std::size_t allocations = 0;
  for (int step = 1; step <= 5; ++step) {
    const auto loss = cross_entropy(model(Variable<float>(x)), labels);
    adam.zero_grad();
    loss.backward();
    adam.step();
    if (step > 2) {
      CHECK(memory().system_allocations == allocations);
    }
    allocations = memory().system_allocations;
  }
  set_threads(0);
}

TEST_CASE("a step leaves nothing in use but gradients") {
  Random random(1);
  auto model = small_network(random);
  const auto before = memory().bytes_in_use;
  on_own_thread([&] {
    const Variable<float> x(random_tensor<float>({32, 16, 16, 3}, 1));
    const auto y = model(x);
    y.backward(Tensor<float>::ones(y.shape()));
  });
  model.zero_grad();
  CHECK(memory().bytes_in_use == before);
}

TEST_CASE("forward keeps what backward needs and no more") {
  // Whole blocks: 1 MiB and up is not rounded to a class.
  const Variable<float> x(random_tensor<float>({16, 64, 64, 16}, 1), true);
  nn::BatchNorm2d<float> layer(16);
  const Variable<float> shortcut(x.value().clone(), true);
  CHECK(kept(x, [](const auto& v) { return relu(v); }) < 0.001);
  CHECK(kept(x, [&](const auto& v) { return layer(v); }) < 0.001);
  CHECK(kept(x, [&](const auto& v) { return layer.relu(v); }) < 0.001);
  CHECK(kept(x, [&](const auto& v) { return layer.add_relu(v, shortcut); }) < 0.001);
  CHECK(kept(x, [&](const auto& v) { return layer.relu_pool(v); }) < 0.251);
  CHECK(kept(x, [](const auto& v) { return max_pool2d(v); }) < 0.063);
  CHECK(kept(x, [&](const auto& v) { return v + shortcut; }) < 0.001);
  CHECK(kept(x, [&](const auto& v) {
          const NoGradGuard guard;
          return layer.relu_pool(v);
        }) < 0.001);
}
