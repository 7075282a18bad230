#pragma once

#include <cstddef>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// The size of a huge page on x86-64 and most arm64 systems.
inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Asks the system for huge pages behind `size` bytes that begin at a page: a pass over a tensor
/// then waits less for translations of addresses. It is only advice, which Linux follows unless its
/// transparent_hugepage is set to never; elsewhere nothing happens: Windows gives them to users
/// with a right of their own alone.
inline void advise_huge_pages([[maybe_unused]] void* memory,
                              [[maybe_unused]] std::size_t size) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  madvise(memory, size, MADV_HUGEPAGE);
#endif
}

}  // namespace os
CNNRNN_NAMESPACE_END
