#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cnnrnn/data/image.hpp"

namespace program {

/// Which image files a program reads, for help texts.
inline std::string image_files_help() {
  return cnnrnn::to_message(cnnrnn::data::image_formats, " files of any size");
}

/// Adds the option for larger image files than the library takes by itself.
inline void add_image_limit(CLI::App& command, cnnrnn::data::ImageLimits& limits) {
  command
      .add_option("--max-image-pixels", limits.pixels,
                  "refuse image files of more pixels than this")
      ->check(CLI::Range(cnnrnn::Index{1}, cnnrnn::Index{1} << 40))
      ->capture_default_str();
}

/// Adds the flag for pictures as they are stored.
inline CLI::Option* add_ignore_orientation(CLI::App& command, bool& ignore) {
  return command.add_flag(
      "--ignore-orientation", ignore,
      "leave the pictures of image files as they are stored, whatever EXIF says; a model keeps it");
}

inline void add_image_options(CLI::App& command, cnnrnn::data::ImageOptions& options) {
  add_image_limit(command, options.limits);
  add_ignore_orientation(command, options.ignore_orientation);
}

}  // namespace program
