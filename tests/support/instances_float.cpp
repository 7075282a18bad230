#include "support/instances.hpp"

CNNRNN_INSTANTIATE(float)
