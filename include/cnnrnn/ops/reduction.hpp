#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// What a loss makes of the losses of a batch: their mean, their sum, or themselves.
enum class Reduction { mean, sum, none };

CNNRNN_NAMESPACE_END
