#pragma once

#include "cnnrnn/kernels/resample/axis.hpp"
#include "cnnrnn/kernels/resample/image.hpp"
#include "cnnrnn/kernels/resample/pad_mode.hpp"

// Images on another grid: larger, smaller, or with a border. Each axis is a sparse matrix.
