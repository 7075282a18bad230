#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/wavelet.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// One level of the wavelet transform as a layer; see dwt2d. Throws ValueError for a wavelet
/// without taps.
///
/// In front of a tap it is the wavelet option of Yin, Zhang and Shao (2019), section 3: a map
/// (N, H, W, C) becomes (N, H / 2, W / 2, 4C), and the tap's patches keep their P x P numbers, each
/// of which now stands for 2 x 2 pixels. There are half as many rows of patches, each sequence is
/// half as long, and a patch has 4 C P P numbers.
template <class T>
class WaveletTransform : public Layer<T> {
 public:
  /// Throws ValueError for a wavelet without a filter.
  explicit WaveletTransform(const WaveletOptions& options = {}) : options_(options) {
    check_wavelet("WaveletTransform", options);
  }

  Variable<T> operator()(const Variable<T>& x) override { return dwt2d(x, options_); }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    const bool periodic = options_.extension == WaveletExtension::periodic;
    return to_message("WaveletTransform(", options_.wavelet.name, ", ",
                      periodic ? "periodic" : "symmetric", ')');
  }

 private:
  WaveletOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
