#pragma once

#include "cnnrnn/system/posix/thread_object.hpp"
#include "cnnrnn/system/windows/thread_object.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// The one T of this thread, made when it is first asked for and destroyed with the thread; null
/// from then on, for what the thread destroys later.
template <class T>
T* thread_object() {
  return detail::thread_object<T>();
}

}  // namespace os
CNNRNN_NAMESPACE_END
