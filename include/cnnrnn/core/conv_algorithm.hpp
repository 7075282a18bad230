#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// How a convolution is computed; `automatic`: by Winograd's algorithm wherever it exists. It needs
/// a quarter of the products, half with up to six channels, and exists for 3x3 kernels at stride 1
/// without dilation and groups; its float results are about ten times less exact than those of
/// `direct`, and an infinite input, or one near the largest float, makes NaN of all outputs of the
/// tiles that read it.
enum class ConvAlgorithm { automatic, direct, winograd };

CNNRNN_NAMESPACE_END
