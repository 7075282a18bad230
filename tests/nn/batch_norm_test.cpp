#include "cnnrnn/nn/batch_norm.hpp"

#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/relu.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// The parameters and buffers of a module by name, to compare and to overwrite.
template <class T>
class State : public nn::Visitor<T> {
 public:
  explicit State(nn::Module<T>& module) { module.visit(*this); }

  std::vector<std::pair<std::string, Variable<T>>> parameters;
  std::vector<std::pair<std::string, Tensor<T>>> buffers;
  std::vector<std::pair<std::string, Tensor<Index>>> counters;

 private:
  void parameter(const std::string& path, Variable<T>& value) override {
    parameters.emplace_back(path, value);
  }
  void buffer(const std::string& path, Tensor<T>& value) override {
    buffers.emplace_back(path, value);
  }
  void counter(const std::string& path, Tensor<Index>& value) override {
    counters.emplace_back(path, value);
  }
};

/// A case of tests/fixtures/generate/batch_norm.py: the batches in order, backward from the last.
template <class T, class Layer>
void compare(const Fixture& fixture, const std::string& name, Layer layer, double tolerance) {
  CAPTURE(name);
  const auto get = [&](const std::string& key) { return fixture.get<T>(name + "/" + key); };
  State<T> state(layer);
  for (auto& [path, parameter] : state.parameters) {
    parameter.mutable_value().copy_from(get(path));
  }
  if (!layer.training()) {
    for (auto& [path, buffer] : state.buffers) {
      buffer.copy_from(get(path));
    }
  }
  Variable<T> x;
  Variable<T> y;
  for (int batch = 0; fixture.has(name + "/x" + std::to_string(batch)); ++batch) {
    x = Variable<T>(get("x" + std::to_string(batch)), true);
    y = layer(x);
  }
  require_close(y.value(), get("y"), tolerance);
  y.backward(get("dy"));
  require_close(x.grad(), get("dx"), tolerance);
  for (const auto& [path, parameter] : state.parameters) {
    require_close(parameter.grad(), get("d" + path), tolerance);
  }
  for (const auto& [path, buffer] : state.buffers) {
    require_close(buffer, get(path), tolerance);
  }
  for (const auto& [path, counter] : state.counters) {
    CHECK(counter.item() == fixture.get<Index>(name + "/" + path).item());
  }
}

template <class Layer>
Layer evaluating(Layer layer) {
  layer.eval();
  return layer;
}

template <class T>
void compare_fixture(double tolerance) {
  const Fixture fixture("batch_norm");
  compare<T>(fixture, "features", nn::BatchNorm1d<T>(11), tolerance);
  compare<T>(fixture, "two_values", nn::BatchNorm1d<T>(3), tolerance);
  compare<T>(fixture, "sequence", nn::BatchNorm1d<T>(4), tolerance);
  compare<T>(fixture, "image", nn::BatchNorm2d<T>(19), tolerance);
  compare<T>(fixture, "momentum", nn::BatchNorm2d<T>(2, {.epsilon = 0.1, .momentum = 0.3}),
             tolerance);
  compare<T>(fixture, "average", nn::BatchNorm2d<T>(3, {.momentum = std::nullopt}), tolerance);
  compare<T>(fixture, "plain", nn::BatchNorm2d<T>(5, {.affine = false}), tolerance);
  compare<T>(fixture, "untracked", nn::BatchNorm2d<T>(5, {.track_running_statistics = false}),
             tolerance);
  compare<T>(fixture, "evaluation", evaluating(nn::BatchNorm2d<T>(9)), tolerance);
}

template <class Pairs>
std::vector<std::string> names(const Pairs& pairs) {
  std::vector<std::string> result;
  for (const auto& [name, part] : pairs) {
    result.push_back(name);
  }
  return result;
}

}  // namespace

TEST_CASE("batch norm agrees with PyTorch: values, gradients and running statistics") {
  compare_fixture<double>(1e-9);
  compare_fixture<float>(1e-4);
}

TEST_CASE("batch norm's state has PyTorch's names") {
  nn::BatchNorm2d<float> layer(4);
  const State<float> state(layer);
  CHECK(names(state.parameters) == std::vector<std::string>{"weight", "bias"});
  CHECK(names(state.buffers) == std::vector<std::string>{"running_mean", "running_var"});
  CHECK(names(state.counters) == std::vector<std::string>{"num_batches_tracked"});
  CHECK(state.counters[0].second.shape() == Shape{});
  CHECK(layer.parameter_count() == 8);

  nn::BatchNorm1d<float> bare(4, {.affine = false, .track_running_statistics = false});
  const State<float> nothing(bare);
  CHECK(nothing.parameters.size() + nothing.buffers.size() + nothing.counters.size() == 0);
}

TEST_CASE("without running statistics evaluation uses the batch's") {
  nn::BatchNorm1d<double> layer(2, {.track_running_statistics = false});
  const auto x = random_tensor<double>({5, 2}, 1);
  const auto trained = layer(x).value();
  layer.eval();
  require_close(layer(x).value(), trained, 0);
}

TEST_CASE("a batch that is refused is not counted") {
  nn::BatchNorm1d<float> layer(2);
  CHECK_THROWS_WITH(layer(Tensor<float>::ones({1, 2})),
                    Contains("more than one value per channel in training, got (1, 2)"));
  CHECK(State<float>(layer).counters[0].second.item() == 0);
}

TEST_CASE("a layer joins ReLU and shortcut, and counts the batch once") {
  const Variable<float> x(random_tensor<float>({3, 4, 5, 6}, 1));
  const Variable<float> shortcut(random_tensor<float>({3, 4, 5, 6}, 2));
  nn::BatchNorm2d<float> joined(6);
  nn::BatchNorm2d<float> plain(6);
  require_close(joined.relu(x).value(), relu(plain(x)).value(), 1e-6);
  require_close(joined.add(x, shortcut).value(), (plain(x) + shortcut).value(), 1e-6);
  require_close(joined.add_relu(x, shortcut).value(), relu(plain(x) + shortcut).value(), 1e-6);
  const State<float> got(joined);
  const State<float> expected(plain);
  CHECK(got.counters[0].second.item() == 3);
  require_close(got.buffers[0].second, expected.buffers[0].second, 1e-6);
  CHECK_THROWS_AS(joined.add(x, {}), ShapeError);
  CHECK(got.counters[0].second.item() == 3);
}

TEST_CASE("scale and shift are learnt each by itself, and missing ones are 1 and 0") {
  const Variable<double> x(random_tensor<double>({3, 4, 5, 6}, 1), true);
  const auto dy = random_tensor<double>({3, 2, 2, 6}, 2);
  for (const bool scale : {true, false}) {
    nn::BatchNorm2d<double> part(6, {.scale = scale, .shift = !scale});
    nn::BatchNorm2d<double> whole(6);
    const State<double> own(part);
    const State<double> both(whole);
    CHECK(names(own.parameters) == std::vector<std::string>{scale ? "weight" : "bias"});
    for (auto pair : {own.parameters[0], both.parameters[scale ? 0 : 1]}) {
      pair.second.mutable_value().copy_from(random_tensor<double>({6}, 3));
    }
    for (const bool training : {true, false}) {
      part.train(training);
      whole.train(training);
      const auto run = [&](nn::BatchNorm2d<double>& layer) {
        Variable<double>(x).zero_grad();
        layer.zero_grad();
        const auto y = layer.relu_pool(x);
        y.backward(dy);
        return std::pair{y.value(), x.grad()};
      };
      const auto [y, dx] = run(part);
      const auto [expected_y, expected_dx] = run(whole);
      require_close(y, expected_y, 0);
      require_close(dx, expected_dx, 0);
      require_close(own.parameters[0].second.grad(), both.parameters[scale ? 0 : 1].second.grad(),
                    0);
    }
    require_close(part.folded().scale, whole.folded().scale, 0);
    require_close(part.folded().shift, whole.folded().shift, 0);
  }
}

TEST_CASE("a frozen batch norm in evaluation still passes gradients to image and shortcut") {
  nn::BatchNorm2d<double> layer(6);
  layer.keep_eval();
  const auto gradients = [&] {
    const Variable<double> x(random_tensor<double>({3, 4, 5, 6}, 1), true);
    const Variable<double> shortcut(random_tensor<double>({3, 4, 5, 6}, 2), true);
    (layer.relu(x) + layer.add_relu(x, shortcut)).backward(random_tensor<double>(x.shape(), 3));
    return std::pair{x.grad(), shortcut.grad()};
  };
  const auto [dx, dshortcut] = gradients();
  layer.set_requires_grad(false);
  const auto [frozen_dx, frozen_dshortcut] = gradients();
  require_close(frozen_dx, dx, 0);
  require_close(frozen_dshortcut, dshortcut, 0);
}

TEST_CASE("batch norm describes itself") {
  CHECK(nn::BatchNorm2d<float>(4, {.scale = false}).describe() ==
        "BatchNorm2d(4, epsilon 1e-05, momentum 0.1, no scale)");
  CHECK(nn::BatchNorm2d<float>(4, {.shift = false}).describe() ==
        "BatchNorm2d(4, epsilon 1e-05, momentum 0.1, no shift)");
  CHECK(nn::BatchNorm2d<float>(32).describe() == "BatchNorm2d(32, epsilon 1e-05, momentum 0.1)");
  CHECK(nn::BatchNorm1d<float>(
            8, {.momentum = std::nullopt, .affine = false, .track_running_statistics = false})
            .describe() ==
        "BatchNorm1d(8, epsilon 1e-05, momentum none, not affine, no running statistics)");
}
