#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Whether the gates of a convolutional LSTM see the cell state too, and which one the output gate
/// sees: that after the step, `current` (Shi et al. 2015), or that before it, `previous`, as Yin,
/// Zhang and Shao (2019) print the equations.
enum class ConvLstmPeepholes { none, current, previous };

CNNRNN_NAMESPACE_END
