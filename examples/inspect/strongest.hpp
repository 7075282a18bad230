#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

namespace inspect {

using cnnrnn::Index;

/// Where one image excites a map most.
struct Peak {
  float value;
  Index image, row, column;
};

/// The images that excite each map most, with their peaks, the strongest first.
class Strongest {
 public:
  explicit Strongest(Index top) : top_(static_cast<std::size_t>(top)) {}

  /// Looks at the maps (N, H, W, C) of the images from `first` on.
  void look_at(const cnnrnn::Tensor<float>& maps, Index first) {
    peaks_.resize(static_cast<std::size_t>(maps.dim(3)));
    for (Index n = 0; n < maps.dim(0); ++n) {
      for (Index c = 0; c < maps.dim(3); ++c) {
        keep(peaks_[static_cast<std::size_t>(c)], peak(maps, n, c, first + n));
      }
    }
  }

  /// The numbers of up to `count` maps, those with the strongest peaks, in rising order; none that
  /// no image excites.
  std::vector<Index> maps(Index count) const {
    std::vector<Index> numbers(peaks_.size());
    std::iota(numbers.begin(), numbers.end(), Index{0});
    std::erase_if(numbers, [&](Index map) { return of(map).empty(); });
    std::ranges::sort(numbers, {},
                      [&](Index map) { return std::pair(-of(map).front().value, map); });
    numbers.resize(std::min(numbers.size(), static_cast<std::size_t>(count)));
    std::ranges::sort(numbers);
    return numbers;
  }

  const std::vector<Peak>& of(Index map) const { return peaks_[static_cast<std::size_t>(map)]; }

 private:
  static Peak peak(const cnnrnn::Tensor<float>& maps, Index n, Index c, Index image) {
    Peak best{maps(n, 0, 0, c), image, 0, 0};
    for (Index row = 0; row < maps.dim(1); ++row) {
      for (Index column = 0; column < maps.dim(2); ++column) {
        if (const float value = maps(n, row, column, c); value > best.value) {
          best = {value, image, row, column};
        }
      }
    }
    return best;
  }

  void keep(std::vector<Peak>& peaks, const Peak& added) const {
    if (!(added.value > 0)) {
      return;
    }
    const auto weaker = [&](const Peak& peak) { return peak.value < added.value; };
    peaks.insert(std::ranges::find_if(peaks, weaker), added);
    peaks.resize(std::min(peaks.size(), top_));
  }

  std::size_t top_;
  std::vector<std::vector<Peak>> peaks_;
};

}  // namespace inspect
