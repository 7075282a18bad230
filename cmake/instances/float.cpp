#include "instances.hpp"

CNNRNN_INSTANTIATE(float)
