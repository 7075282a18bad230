#pragma once

#include <string>

/// What this was compiled for, and what it computes.
std::string score();
