#include "cnnrnn/data/synthetic.hpp"

#include <numeric>
#include <vector>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

bool same(const data::ImageDataset& a, const data::ImageDataset& b) {
  return std::ranges::equal(a.images.span(), b.images.span()) &&
         std::ranges::equal(a.labels.span(), b.labels.span());
}

/// Multinomial logistic regression on the pixels, by gradient descent one image at a time.
class LinearModel {
 public:
  void train(const data::ImageDataset& dataset, float rate) {
    for (Index i = 0; i < dataset.size(); ++i) {
      const auto x = pixels(dataset, i);
      auto error = probabilities(x);
      error[static_cast<std::size_t>(dataset.labels.data()[i])] -= 1;
      for (std::size_t k = 0; k < classes; ++k) {
        float* row = weights_.data() + k * inputs;
        for (std::size_t j = 0; j < inputs; ++j) {
          row[j] -= rate * error[k] * x[j];
        }
      }
    }
  }

  double accuracy(const data::ImageDataset& dataset) const {
    Index right = 0;
    for (Index i = 0; i < dataset.size(); ++i) {
      const auto p = probabilities(pixels(dataset, i));
      right += std::ranges::max_element(p) - p.begin() == dataset.labels.data()[i] ? 1 : 0;
    }
    return static_cast<double>(right) / static_cast<double>(dataset.size());
  }

 private:
  static constexpr std::size_t classes = 10;
  static constexpr std::size_t inputs = 32 * 32 * 3 + 1;  // the last is 1

  static std::vector<float> pixels(const data::ImageDataset& dataset, Index image) {
    std::vector<float> x(inputs, 1);
    const auto first = dataset.images.data() + image * static_cast<Index>(inputs - 1);
    std::transform(first, first + inputs - 1, x.begin(),
                   [](std::uint8_t value) { return static_cast<float>(value) / 127.5F - 1; });
    return x;
  }

  std::array<float, classes> probabilities(const std::vector<float>& x) const {
    std::array<float, classes> p{};
    float sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      std::array<float, 8> parts{};
      const float* row = weights_.data() + k * inputs;
      for (std::size_t j = 0; j < inputs; ++j) {
        parts[j % 8] += row[j] * x[j];
      }
      for (const float part : parts) {
        p[k] += part;
      }
    }
    const float most = *std::ranges::max_element(p);
    for (float& value : p) {
      value = std::exp(value - most);
      sum += value;
    }
    for (float& value : p) {
      value /= sum;
    }
    return p;
  }

  std::vector<float> weights_ = std::vector<float>(classes * inputs);
};

}  // namespace

TEST_CASE("synthetic images are ten balanced classes of 32x32 colour images") {
  const auto split = data::synthetic_images({.train_images = 40, .test_images = 20});
  CHECK_NOTHROW(data::check_dataset(split.train));
  CHECK(split.train.images.shape() == Shape{40, 32, 32, 3});
  CHECK(split.test.size() == 20);
  CHECK(split.train.classes() == 10);
  for (Index i = 0; i < 40; ++i) {
    CHECK(split.train.labels(i) == i % 10);
  }
  CHECK_THROWS_WITH(data::synthetic_images({.train_images = 0}),
                    "synthetic images: expected a positive number, got 0");
}

TEST_CASE("synthetic images depend on seed, part and number alone") {
  const auto draw = [](Index train, std::uint64_t seed) {
    return data::synthetic_images({.train_images = train, .test_images = 30, .seed = seed});
  };
  const auto one = draw(30, 1);
  set_threads(1);
  CHECK(same(draw(30, 1).train, one.train));
  set_threads(3);
  CHECK(same(draw(30, 1).train, one.train));
  set_threads(0);
  std::vector<Index> first(30);
  std::iota(first.begin(), first.end(), Index{0});
  CHECK(same(data::subset(draw(60, 1).train, first), one.train));
  CHECK_FALSE(same(draw(30, 2).train, one.train));
  CHECK_FALSE(same(one.test, one.train));
}

TEST_CASE("a linear model of the pixels learns its images by heart and knows nothing of others") {
  const auto split = data::synthetic_images({.train_images = 1000, .test_images = 500});
  LinearModel model;
  double best = 0;
  for (int epoch = 0; epoch < 12; ++epoch) {
    model.train(split.train, 0.003F / static_cast<float>(1 + epoch));
    best = std::max(best, model.accuracy(split.test));
  }
  CAPTURE(best);
  CHECK(model.accuracy(split.train) > 0.6);
  CHECK(best < 0.3);
}
