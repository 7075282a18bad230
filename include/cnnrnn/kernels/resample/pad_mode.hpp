#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What stands in the border around an image abcd: zeros, its pixels as in a mirror (dcb|abcd|cba),
/// or the outer ones again (aaa|abcd|ddd).
enum class PadMode { zeros, reflect, replicate };

CNNRNN_NAMESPACE_END
