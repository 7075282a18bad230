#include "cnnrnn/train/metrics.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

TEST_CASE("accuracy counts the rows that are largest at their label") {
  const Tensor<float> logits({4, 3}, {0, 1, 2, 5, 5, 1, -1, -2, -3, 0, 9, 0});
  const Tensor<Index> labels({4}, {2, 0, 1, 1});  // of two equal logits the first counts
  CHECK(train::count_correct(logits, labels) == 3);
  CHECK(train::accuracy(logits, labels) == 0.75);
  auto counts = Tensor<Index>::zeros({3, 3});
  train::count_confusions(logits, labels, counts);
  train::count_confusions(logits, labels, counts);
  CHECK(counts(2, 2) == 2);
  CHECK(counts(1, 0) == 2);
  CHECK(counts(1, 1) == 2);
  CHECK(counts(0, 0) == 2);
  CHECK(counts(0, 1) == 0);
}

TEST_CASE("metrics refuse shapes that do not belong together") {
  const auto logits = Tensor<float>::zeros({4, 3});
  auto counts = Tensor<Index>::zeros({3, 3});
  CHECK_THROWS_WITH(train::accuracy(logits, Tensor<Index>::zeros({3})),
                    Contains("logits (N, K) and labels (N,), got (4, 3) and (3,)"));
  CHECK_THROWS_AS(train::accuracy(logits, Tensor<Index>()), ShapeError);
  CHECK_THROWS_WITH(train::count_confusions(logits, Tensor<Index>::full({4}, 3), counts),
                    Contains("labels below 3, got 3"));
  counts = Tensor<Index>::zeros({2, 3});
  CHECK_THROWS_WITH(train::count_confusions(logits, Tensor<Index>::zeros({4}), counts),
                    Contains("expected counts (3, 3), got (2, 3)"));
}

TEST_CASE("running metrics weigh batches by their images") {
  train::RunningMetrics metrics;
  metrics.add(1.0, 3, 4);
  metrics.add(4.0, 1, 2);
  CHECK(metrics.loss() == 2);
  CHECK(metrics.accuracy() == Approx(4.0 / 6));
}
