#include "support/instances.hpp"

CNNRNN_INSTANTIATE(float)
CNNRNN_INSTANTIATE(double)
