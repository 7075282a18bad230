#pragma once

#include "program/classifier.hpp"

namespace program {

/// The command line of an example program. Returns its exit code: 0; 1 when it failed; 2 for a
/// wrong command line; 130 when training was stopped by Ctrl-C and saved. It is compiled once for
/// all programs, in run.cpp.
int run(int argc, char** argv, const Classifier& classifier);

}  // namespace program
