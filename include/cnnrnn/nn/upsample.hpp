#pragma once

#include <string>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/ops/upsample.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// How pixels between those of x are found.
enum class UpsampleMode { nearest, bilinear };

/// The size of the result, one of the two, and how pixels between those of x are found.
struct UpsampleOptions {
  Size2d size = 0;                            ///< in pixels
  Scale2d scale_factor = 0;                   ///< OH = floor(H scale_factor)
  UpsampleMode mode = UpsampleMode::nearest;  ///< nearest or bilinear
  bool align_corners = false;                 ///< with bilinear only; see UpsampleBilinearOptions
  bool recompute_scale_factor = false;        ///< see UpsampleNearestOptions
};

/// Images on a grid of another size as a layer; see upsample_nearest2d and upsample_bilinear2d.
/// Throws ValueError for options out of range.
template <class T>
class Upsample : public Layer<T> {
 public:
  /// Throws ValueError for options out of range.
  explicit Upsample(const UpsampleOptions& options) : options_(options) {
    check_upsample("Upsample", nearest());
    require<ValueError>(!options.align_corners || options.mode == UpsampleMode::bilinear,
                        "Upsample: expected the mode bilinear to align corners, got nearest");
  }

  Variable<T> operator()(const Variable<T>& x) override {
    return options_.mode == UpsampleMode::nearest ? upsample_nearest2d(x, nearest())
                                                  : upsample_bilinear2d(x, bilinear());
  }
  void visit(Visitor<T>& /*visitor*/) override {}
  std::string describe() const override {
    const auto& [size, scale, mode, align_corners, recompute] = options_;
    return to_message(
        "Upsample(",
        size == Size2d(0) ? to_message("scale factor ", scale) : to_message("size ", size),
        mode == UpsampleMode::nearest ? ", nearest" : ", bilinear",
        align_corners ? ", corners aligned" : "", recompute ? ", scale factor recomputed)" : ")");
  }

 private:
  UpsampleNearestOptions nearest() const {
    return {options_.size, options_.scale_factor, options_.recompute_scale_factor};
  }
  UpsampleBilinearOptions bilinear() const {
    return {options_.size, options_.scale_factor, options_.align_corners,
            options_.recompute_scale_factor};
  }

  UpsampleOptions options_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
