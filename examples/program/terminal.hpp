#pragma once

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "cnnrnn/core/build_info.hpp"
#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/open_dataset.hpp"
#include "program/classifier.hpp"

namespace program {

/// Whether standard output is a terminal, which can redraw a line.
inline bool on_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

/// Prints a data set in a line, what a user may not expect of it, and the first files left out.
inline void print_data(const cnnrnn::data::OpenedDataset& data) {
  std::cout << "data:    " << cnnrnn::printable(data.describe()) << '\n';
  for (const std::string& note : data.notes) {
    std::cout << "note:    " << cnnrnn::printable(note) << '\n';
  }
  const auto& unreadable = data.left_out.unreadable;
  constexpr std::ptrdiff_t most = 10;
  for (auto file = unreadable.begin(); file != unreadable.end(); ++file) {
    if (file - unreadable.begin() == most) {
      std::cout << "         and " << unreadable.end() - file << " more\n";
      break;
    }
    std::cout << "         " << cnnrnn::printable(*file) << '\n';
  }
}

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
