#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// A weight of each class (K), for a data set whose classes have different numbers of images:
/// images / (classes that occur x images of the class), and 0 for a class without images. The
/// images then weigh 1 on average; unlabelled ones do not count. For the `weight` of cross_entropy,
/// or as below.
inline std::vector<double> class_weights(const ImageDataset& dataset) {
  const auto positions = detail::positions_by_class(dataset);
  std::vector<double> counts;
  for (std::size_t label = 0; label < dataset.class_names.size(); ++label) {
    counts.push_back(static_cast<double>(positions[label].size()));
  }
  const double images = std::accumulate(counts.begin(), counts.end(), 0.0);
  const auto occurring = static_cast<double>(counts.size()) -
                         static_cast<double>(std::count(counts.begin(), counts.end(), 0.0));
  std::vector<double> weights(counts.size());
  std::transform(counts.begin(), counts.end(), weights.begin(),
                 [&](double count) { return count > 0 ? images / (occurring * count) : 0; });
  return weights;
}

/// A weight of each image (N), that of its class, and 0 without a label: for
/// LoaderOptions::sample_weights. Throws ValueError unless there is a weight for each class.
inline std::vector<double> sample_weights(const ImageDataset& dataset,
                                          const std::vector<double>& class_weights) {
  check_dataset(dataset);
  require<ValueError>(std::ssize(class_weights) == dataset.classes(),
                      "sample_weights: expected a weight for each of ", dataset.classes(),
                      " classes, got ", class_weights.size());
  std::vector<double> weights;
  for (const Index label : dataset.labels.span()) {
    weights.push_back(label == unlabelled ? 0 : class_weights[static_cast<std::size_t>(label)]);
  }
  return weights;
}

/// The same with class_weights(dataset): every class that occurs is drawn equally often.
inline std::vector<double> sample_weights(const ImageDataset& dataset) {
  return sample_weights(dataset, class_weights(dataset));
}

/// Draws positions with replacement, in proportion to weights.
class WeightedDraw {
 public:
  WeightedDraw() = default;

  /// Throws ValueError unless the weights are finite, 0 or more, and one of them is positive.
  explicit WeightedDraw(const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) {
      require<ValueError>(weight >= 0 && std::isfinite(weight),
                          "sample_weights: expected weights of 0 or more, got ", weight);
      sum += weight;
      sums_.push_back(sum);
    }
    require<ValueError>(sum > 0 && std::isfinite(sum),
                        "sample_weights: expected weights of a positive, finite sum, got ", sum);
  }

  /// Draws a position by its weight.
  Index operator()(Random& random) const {
    const double total = sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), random.uniform() * total);
    // The product may be rounded up to the total: the last position with a weight then.
    const auto last = std::lower_bound(sums_.begin(), sums_.end(), total);
    return std::min(found, last) - sums_.begin();
  }

 private:
  std::vector<double> sums_;  ///< of the weights up to each position
};

}  // namespace data
CNNRNN_NAMESPACE_END
