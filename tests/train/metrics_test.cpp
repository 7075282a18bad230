#include "cnnrnn/train/metrics.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

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

TEST_CASE("ignored labels count in no metric") {
  const Tensor<float> logits({4, 3}, {0, 1, 2, 5, 5, 1, -1, -2, -3, 0, 9, 0});
  const Tensor<Index> labels({4}, {2, -100, 1, 1});
  CHECK(train::count_labels(labels) == 3);
  CHECK(train::count_correct(logits, labels) == 2);
  CHECK(train::accuracy(logits, labels) == 2.0 / 3);
  auto counts = Tensor<Index>::zeros({3, 3});
  train::count_confusions(logits, labels, counts);
  CHECK(counts(2, 2) + counts(1, 0) + counts(1, 1) == 3);

  const Tensor<Index> of_classes({4}, {2, 0, 0, 1});
  CHECK(train::count_labels(of_classes, 0) == 2);
  CHECK(train::count_correct(logits, of_classes, 0) == 2);
  CHECK(train::accuracy(logits, of_classes, 0) == 1);
  CHECK(std::isnan(train::accuracy(logits, Tensor<Index>::zeros({4}), 0)));
}

TEST_CASE("metrics refuse shapes that do not belong together, and labels without a class") {
  const auto logits = Tensor<float>::zeros({4, 3});
  const auto labels = Tensor<Index>::zeros({4});
  const auto confusions = [&](const Tensor<Index>& given, const Shape& counts) {
    return [=] {
      auto to = Tensor<Index>::zeros(counts);
      train::count_confusions(logits, given, to);
    };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ShapeError>([&] { train::accuracy(logits, Tensor<Index>()); },
                         "accuracy: expected logits (N, K) and labels (N,), got (4, 3) and ()"),
      throws<ShapeError>([&] { train::count_correct(logits.reshape({12}), labels); },
                         "count_correct: expected logits (N, K) and labels (N,), got (12,) and "
                         "(4,)"),
      throws<ShapeError>(confusions(Tensor<Index>::zeros({3}), {3, 3}),
                         "count_confusions: expected logits (N, K) and labels (N,), got (4, 3) and "
                         "(3,)"),
      throws<ShapeError>(confusions(labels, {2, 3}),
                         "count_confusions: expected counts (3, 3), got (2, 3)"),
      throws<ValueError>(confusions(Tensor<Index>::full({4}, 3), {3, 3}),
                         "count_confusions: expected labels of 0 to 2, got 3"),
      throws<ValueError>(confusions(Tensor<Index>::full({4}, -1), {3, 3}),
                         "count_confusions: expected labels of 0 to 2, got -1")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("running metrics weigh batches by their images") {
  train::RunningMetrics metrics;
  metrics.add(0.0, 0, 0);
  CHECK(std::isnan(metrics.loss()));
  CHECK(std::isnan(metrics.accuracy()));
  metrics.add(1.0, 3, 4);
  metrics.add(4.0, 1, 2);
  CHECK(metrics.loss() == 2);
  CHECK(metrics.accuracy() == Approx(4.0 / 6));
}
