#include "support/instances.hpp"

CNNRNN_NAMESPACE_BEGIN
CNNRNN_TEST_INSTANCES(template, float)
CNNRNN_TEST_INSTANCES(template, double)
CNNRNN_NAMESPACE_END
