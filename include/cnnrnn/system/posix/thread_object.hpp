#pragma once

#if !defined(_WIN32)

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

template <class T>
T* thread_object() {
  thread_local bool ended = false;
  struct Object {
    T object;
    ~Object() { ended = true; }
  };
  thread_local Object one;
  return ended ? nullptr : &one.object;
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
