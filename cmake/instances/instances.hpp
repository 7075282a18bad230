// What the example programs and the benchmarks begin with, as a precompiled header.
#pragma once

#include "cnnrnn/instances.hpp"

CNNRNN_EXTERN(float)
CNNRNN_EXTERN(double)
