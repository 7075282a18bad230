#pragma once

#include "cnnrnn/nn/conv2d.hpp"

namespace inspect {

using cnnrnn::Index;

/// The pixels that a place of a map is computed from, in each direction: `size` pixels from place *
/// step + first on. Some may lie outside the image.
struct ReceptiveField {
  Index step = 1;
  Index first = 0;
  Index size = 1;

  /// That of a map of windows of this one.
  ReceptiveField behind(Index kernel, Index stride, Index padding, Index dilation = 1) const {
    return {step * stride, first - padding * step, size + dilation * (kernel - 1) * step};
  }
};

/// That of what a layer makes, behind convolutions and max-poolings of square windows in it, one
/// after the other. Shortcuts see less.
inline ReceptiveField behind(ReceptiveField field, cnnrnn::nn::Module<float>& layer) {
  for (auto* const part : layer.modules()) {
    if (const auto* conv = dynamic_cast<cnnrnn::nn::Conv2d<float>*>(part)) {
      const auto& o = conv->options();
      field = field.behind(o.kernel.h, o.stride.h, o.padding.h, o.dilation.h);
    } else if (const auto* pool = dynamic_cast<cnnrnn::nn::MaxPool2d<float>*>(part)) {
      const auto& o = pool->options();
      field = field.behind(o.kernel.h, o.stride.h > 0 ? o.stride.h : o.kernel.h, o.padding.h);
    }
  }
  return field;
}

}  // namespace inspect
