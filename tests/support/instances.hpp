// What every test begins with: the library, parsed once as a precompiled header, and its largest
// templates, compiled once in instances.cpp. A test does not rely on it: it includes what it uses.
#pragma once

#include "cnnrnn/instances.hpp"
#include "support/catch.hpp"
#include "support/fixture.hpp"

CNNRNN_EXTERN(float)
CNNRNN_EXTERN(double)
