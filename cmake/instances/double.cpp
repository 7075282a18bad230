#include "instances.hpp"

CNNRNN_INSTANTIATE(double)
