#include "cnnrnn/ops/dropout.hpp"

#include <cmath>
#include <vector>

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

Tensor<float> ones_dropped(const Shape& shape, double p, std::uint64_t seed) {
  Random random(seed);
  return dropout(Variable<float>(Tensor<float>::ones(shape)), p, random, true).value();
}

Index zeros(const Tensor<float>& tensor) {
  return std::count(tensor.data(), tensor.data() + tensor.size(), 0.0F);
}

}  // namespace

TEST_CASE("dropout drops a share of p and scales the rest") {
  constexpr Index count = 200001;
  for (const double p : {0.0, 0.1, 0.5, 0.9}) {
    const auto y = ones_dropped({count}, p, 1);
    const double deviation = std::sqrt(static_cast<double>(count) * p * (1 - p));
    CAPTURE(p);
    CHECK(std::abs(static_cast<double>(zeros(y)) - p * count) <= 4 * deviation);
    const auto kept = static_cast<float>(1 / (1 - p));
    CHECK(std::count(y.data(), y.data() + count, kept) == count - zeros(y));
  }
}

TEST_CASE("neighbours are dropped independently of each other") {
  constexpr Index count = 200000;
  const auto y = ones_dropped({count}, 0.5, 1);
  for (const Index distance : {Index{1}, Index{2}, Index{1} << 14}) {
    Index both = 0;
    for (Index i = 0; i + distance < count; ++i) {
      both += y(i) == 0 && y(i + distance) == 0;
    }
    const auto pairs = static_cast<double>(count - distance);
    CAPTURE(distance);
    CHECK(std::abs(static_cast<double>(both) - pairs / 4) < 4 * std::sqrt(pairs * 3 / 16));
  }
}

TEST_CASE("dropout has the gradients of its values") {
  for (const double p : {0.0, 0.3, 0.8}) {
    const auto result = gradcheck(
        [p](const auto& v) {
          Random random(4);
          return std::vector{dropout(v[0], p, random, true)};
        },
        {random_tensor<double>({5, 7}, 1)});
    INFO(result.log);
    CHECK(result);
  }
}

TEST_CASE("the gradient is that of the mask that forward used") {
  Random random(1);
  const Variable<float> x(Tensor<float>::ones({1000}), true);
  const auto y = dropout(x, 0.5, random, true);
  random.bits();
  y.backward(Tensor<float>::ones({1000}));
  CHECK(std::ranges::equal(x.grad().span(), y.value().span()));
}

TEST_CASE("dropout is the same for any number of threads, and another at each call") {
  std::vector<Tensor<float>> results;
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    results.push_back(ones_dropped({50001}, 0.5, 9));
  }
  set_threads(0);
  CHECK(std::ranges::equal(results[1].span(), results[0].span()));
  CHECK(std::ranges::equal(results[2].span(), results[0].span()));
  Random random(9);
  const Variable<float> x(Tensor<float>::ones({1000}));
  CHECK_FALSE(std::ranges::equal(dropout(x, 0.5, random, true).value().span(),
                                 dropout(x, 0.5, random, true).value().span()));
}

TEST_CASE("dropout outside training is the identity and draws nothing") {
  Random random(1);
  const auto before = random.state();
  const Variable<float> x(random_tensor<float>({5}, 1), true);
  CHECK(dropout(x, 0.5, random, false).value().shares_memory_with(x.value()));
  CHECK(random.state() == before);
}

TEST_CASE("Dropout follows the mode of its network, and its state is the generator's") {
  Random random(1);
  nn::Dropout<float> layer(0.5, random);
  nn::Dropout<float> other(0.5, random);
  CHECK(layer.describe() == "Dropout(0.5)");
  CHECK(layer.parameter_count() == 0);
  const Variable<float> x(Tensor<float>::ones({100}));
  const auto draw = [&](nn::Dropout<float>& from) { return from(x).value(); };
  CHECK_FALSE(std::ranges::equal(draw(layer).span(), draw(other).span()));

  nn::load_state_dict(other, nn::state_dict(layer));
  CHECK(std::ranges::equal(draw(layer).span(), draw(other).span()));
  layer.eval();
  CHECK(zeros(draw(layer)) == 0);
  layer.train();
  CHECK(zeros(draw(layer)) > 0);
}

TEST_CASE("dropout says what it expected and what came") {
  Random random(1);
  const Variable<float> x(Tensor<float>::ones({2}));
  CHECK_THROWS_WITH(dropout(x, 1.0, random, true), "dropout: expected p in [0, 1), got 1");
  CHECK_THROWS_WITH(nn::Dropout<float>(-0.5, random), "Dropout: expected p in [0, 1), got -0.5");
  CHECK_THROWS_AS(nn::Dropout<float>(std::nan(""), random), ValueError);
}
