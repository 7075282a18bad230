#pragma once

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>

#include "cnnrnn/core/build_info.hpp"
#include "cnnrnn/core/text.hpp"
#include "cnnrnn/data/open_dataset.hpp"
#include "cnnrnn/system/terminal.hpp"
#include "program/classifier.hpp"

namespace program {

/// Whether standard output is a terminal, which can redraw a line.
inline bool on_terminal() { return cnnrnn::os::is_terminal(stdout); }

/// "classes without test images: a, b", for up to ten classes; nothing where all have some.
inline void print_classes_without(const std::string& part,
                                  const cnnrnn::data::ImageDataset& dataset) {
  auto names = cnnrnn::data::classes_without_images(dataset);
  if (names.empty()) {
    return;
  }
  constexpr std::size_t most = 10;
  const std::size_t more = names.size() - std::min(most, names.size());
  names.resize(names.size() - more);
  std::cout << "note:    classes without " << part
            << " images: " << cnnrnn::printable(cnnrnn::data::detail::joined(names));
  if (more > 0) {
    std::cout << " and " << more << " more";
  }
  std::cout << '\n';
}

/// Prints a data set in a line, what a user may not expect of it, and the first files left out.
inline void print_data(const cnnrnn::data::OpenedDataset& data) {
  std::cout << "data:    " << cnnrnn::printable(data.describe()) << '\n';
  for (const std::string& note : data.notes) {
    std::cout << "note:    " << cnnrnn::printable(note) << '\n';
  }
  print_classes_without("training", data.split.train);
  print_classes_without("test", data.split.test);
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
template <class T>
void print_setup(cnnrnn::nn::Module<T>& model) {
  const auto build = cnnrnn::kernels::build_info();
  std::cout << "model:   " << model.describe() << ", " << model.parameter_count() << " parameters\n"
            << "machine: " << cnnrnn::threads() << " threads"
            << (build.openmp ? "" : " (built without OpenMP)") << ", " << describe(build)
            << ", precision " << precision_name<T> << '\n'
            << "build:   " << (build.optimized ? "optimized" : "debug") << std::endl;
  if (!build.optimized) {
    std::cout << "WARNING: this is a debug build, ten to a hundred times slower; use the preset "
                 "release\n";
  }
}

}  // namespace program
