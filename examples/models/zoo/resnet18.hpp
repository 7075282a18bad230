#pragma once

#include "models/zoo/resnet.hpp"

/// ResNet-18 (He et al. 2015): two basic blocks in each stage. 11.7 million parameters.
template <class T>
class ResNet18 : public ResNet<T, BasicBlock> {
 public:
  ResNet18(const ClassifierOptions& options, cnnrnn::Random& random)
      : ResNet<T, BasicBlock>({2, 2, 2, 2}, options, random) {}

  std::string describe() const override { return "ResNet18"; }
};
