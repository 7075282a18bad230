#pragma once

#include "models/zoo/resnet.hpp"

/// ResNet-50 (He et al. 2015): 3, 4, 6 and 3 bottlenecks in its stages. 25.6 million parameters.
template <class T>
class ResNet50 : public ResNet<T, Bottleneck> {
 public:
  ResNet50(const ClassifierOptions& options, cnnrnn::Random& random)
      : ResNet<T, Bottleneck>({3, 4, 6, 3}, options, random) {}

  std::string describe() const override { return "ResNet50"; }
};
