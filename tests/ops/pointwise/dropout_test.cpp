#include "cnnrnn/ops/dropout.hpp"

#include <cmath>
#include <vector>

#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "support/catch.hpp"
#include "support/layer_op.hpp"

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

TEST_CASE("dropout") {
  std::vector<OpCase> cases;
  for (const double p : {0.0, 0.3, 0.8}) {
    cases.push_back({to_message("p ", p),
                     {random_tensor<double>({5, 7}, 1)},
                     [p](const auto& v) {
                       Random random(4);
                       return dropout(v[0], p, random, true);
                     },
                     [p](const Tensors<double>& in) {
                       auto y = in[0].clone();
                       const auto mask = ones_dropped(y.shape(), p, 4);
                       for (Index i = 0; i < y.size(); ++i) {
                         y.mutable_data()[i] *= mask.data()[i] == 0 ? 0 : 1 / (1 - p);
                       }
                       return y;
                     }});
  }
  check_op("dropout", cases,
           {throws<ValueError>(
               [] {
                 Random random(1);
                 dropout(Variable<float>(Tensor<float>::ones({2})), 1.0, random, true);
               },
               "dropout: expected p in [0, 1), got 1")});
  Random random(1);
  const auto make = []<class T>(T, Random& generator) { return nn::Dropout<T>(0.5, generator); };
  check_op("Dropout",
           {{"a half",
             {random_tensor<double>({5, 7}, 1)},
             layer_op(make),
             [](const Tensors<double>& in) {
               Random generator(1);
               return nn::Dropout<double>(0.5, generator)(in[0]);
             }}},
           {throws<ValueError>([&] { nn::Dropout<float>(-0.5, random); },
                               "Dropout: expected p in [0, 1), got -0.5"),
            throws<ValueError>([&] { nn::Dropout<float>(std::nan(""), random); },
                               "Dropout: expected p in [0, 1), got nan")});
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
