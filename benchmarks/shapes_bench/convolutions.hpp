#pragma once

#include <string>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"

namespace bench {

/// A convolution of N images H x H, from C to O channels, with a padding such that a stride of 1
/// keeps the images.
struct ConvolutionCase {
  std::string kind;
  cnnrnn::Index n, h, c, o;
  cnnrnn::Size2d kernel;
  cnnrnn::Index stride = 1;
  cnnrnn::Index dilation = 1;
  cnnrnn::Index groups = 1;

  std::string name() const {
    return cnnrnn::to_message("conv/", kind, '/', n, '/', h, '/', c, '/', o, '/', kernel, '/',
                              stride, '/', dilation, '/', groups);
  }
  cnnrnn::Size2d padding() const {
    return {dilation * (kernel.h - 1) / 2, dilation * (kernel.w - 1) / 2};
  }
  cnnrnn::kernels::Conv2dDims dims() const {
    return {n, h, h, c, o, kernel, stride, padding(), dilation, groups};
  }
};

/// Those of known networks.
std::vector<ConvolutionCase> chosen_convolutions();

/// Registers conv/KIND/N/H/C/O/KHxKW/STRIDE/DILATION/GROUPS/forward, and the same with /train: a
/// forward pass and both gradients; of bfloat16 with /bf16 behind that.
void register_convolutions(const std::vector<ConvolutionCase>& cases);

/// Prints the kernel of each case and direction.
void explain_convolutions(const std::vector<ConvolutionCase>& cases);

}  // namespace bench
