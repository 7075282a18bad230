#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// How a convolution is computed. `automatic`: by the kernel that fits the shapes, as
/// kernels/conv2d/algorithm.hpp decides: Winograd's algorithm for 3x3 kernels at stride 1, and for
/// larger, oblong, strided and dilated ones that are put together from pieces (in a ConvLSTM, and
/// for the weight gradients of many channels on few pixels: where it pays).
/// `direct`: never by Winograd's. `winograd`: an error where it does not exist, which is for all
/// but 3x3 kernels at stride 1 without dilation; the function conv2d takes pieces, too, of 16
/// channels or more.
///
/// Winograd's algorithm needs a quarter of the products, half with up to six channels. Its float
/// errors are ten to forty times those of `direct`, as shares of the largest value of a tile of 4 x
/// 4 outputs. An input that is not finite, or near the largest float, makes NaN of most outputs of
/// the tiles that read it, and of the weight gradients of its channel.
enum class ConvAlgorithm { automatic, direct, winograd };

CNNRNN_NAMESPACE_END
