#pragma once

#include <algorithm>

#include "cnnrnn/kernels/conv2d/direct/window.hpp"

CNNRNN_KERNELS_BEGIN
namespace detail {

/// How the outputs of a convolution are cut for the threads: small images some at a time, so that
/// weights are read for enough pixels, others in bands. The shapes alone decide.
class PairJobs {
 public:
  PairJobs(const ConvWindow& window, Index n) : window_(window), n_(n) {
    constexpr Index pixels = 512;
    constexpr Index enough = 16;  // jobs, before one has several images
    const Index of_image = std::max<Index>(1, window.out_h * window.out_w);
    images_ = std::clamp<Index>(n / enough, 1, std::max<Index>(1, pixels / of_image));
    bands_ = images_ > 1 ? 1 : window.bands<float>();
  }

  Index count() const { return (n_ + images_ - 1) / images_ * bands_; }

  /// Images in a row, all of each or the same band of each, seen through `window`; the outputs
  /// begin at pixel `first`.
  struct Job {
    ConvWindow window;
    Index image, images, first;

    Index pixels() const { return images * window.out_h * window.out_w; }
  };
  Job operator[](Index index) const {
    const Index image = index / bands_ * images_;
    const Index images = std::min(images_, n_ - image);
    if (bands_ == 1) {
      return {window_, image, images, image * window_.out_h * window_.out_w};
    }
    const Index band = index % bands_;
    return {window_.band<float>(band), image, images,
            image * window_.out_h * window_.out_w + window_.first_pixel<float>(band)};
  }

 private:
  ConvWindow window_;
  Index n_;
  Index images_, bands_;
};

}  // namespace detail
CNNRNN_KERNELS_END
