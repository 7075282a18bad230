#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cnnrnn/core/shape.hpp"
#include "cnnrnn/core/text.hpp"
#include "program/text_file.hpp"

namespace classify {

/// The lines of a file, safe to print, or "class 0", "class 1", ... if there is none. Throws
/// FileError unless there is one for each class.
inline std::vector<std::string> class_names(const std::string& path, cnnrnn::Index classes) {
  using namespace cnnrnn;
  std::vector<std::string> names;
  if (path.empty()) {
    for (Index k = 0; k < classes; ++k) {
      names.push_back(to_message("class ", k));
    }
    return names;
  }
  std::istringstream lines(program::read_text(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    names.push_back(printable(line));
  }
  require<FileError>(std::ssize(names) == classes, path, ": expected a line for each of ", classes,
                     " classes, got ", names.size());
  return names;
}

}  // namespace classify
