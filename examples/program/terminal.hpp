#pragma once

#include <unistd.h>

#include <iostream>
#include <string>

#include "cnnrnn/core/build_info.hpp"
#include "program/classifier.hpp"

namespace program {

/// Whether standard output is a terminal, which can redraw a line.
inline bool on_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

/// Prints what is about to run: model, threads, vector width, build.
inline void print_setup(Classifier::Model& model) {
  const auto build = cnnrnn::kernels::build_info();
  std::cout << "model:   " << model.describe() << ", " << model.parameter_count() << " parameters\n"
            << "machine: " << cnnrnn::threads() << " threads"
            << (build.openmp ? "" : " (built without OpenMP)") << ", vectors of "
            << build.float_lanes << " floats (" << build.instruction_set << ")\n"
            << "build:   " << (build.optimized ? "optimized" : "debug") << std::endl;
  if (!build.optimized) {
    std::cout << "WARNING: this is a debug build, ten to a hundred times slower; use the preset "
                 "release\n";
  }
}

}  // namespace program
