// What the programs around the networks of the paper begin with, as a precompiled header.
#pragma once

#include "cnnrnn/instances.hpp"

CNNRNN_EXTERN(float)
