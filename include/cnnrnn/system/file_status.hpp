#pragma once

#include <cstdint>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

enum class FileKind { none, regular, folder, other };

struct FileStatus {
  FileKind kind = FileKind::none;
  std::uint64_t bytes = 0;  ///< of a regular file
};

}  // namespace os
CNNRNN_NAMESPACE_END
