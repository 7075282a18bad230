#pragma once

#include <CLI/CLI.hpp>
#include <vector>

#include "cnnrnn/system/process.hpp"

namespace program {

/// Parses what main got. Names of files arrive in UTF-8 on every system, and what begins with / is
/// one, on Windows too.
inline void parse(CLI::App& app, int argc, const char* const* argv) {
  app.allow_windows_style_options(false);
  for (CLI::App* const command : app.get_subcommands({})) {
    command->allow_windows_style_options(false);
  }
  const auto arguments = cnnrnn::os::utf8_arguments(argc, argv);
  std::vector<const char*> pointers;
  for (const auto& argument : arguments) {
    pointers.push_back(argument.c_str());
  }
  app.parse(static_cast<int>(pointers.size()), pointers.data());
}

}  // namespace program
