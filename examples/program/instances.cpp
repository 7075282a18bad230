#include "program/instances.hpp"

CNNRNN_INSTANTIATE(float)
