#pragma once

#if defined(_WIN32)

#include <new>

#include "cnnrnn/system/windows/api.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

/// In Windows' own storage: where thread_local is GCC's emulation, its memory is freed before the
/// destructors run. A thread that has destroyed its object has a mark in its place.
template <class T>
class ThreadObjects {
 public:
  static T* of_this_thread() {
    static const unsigned long slot = allocate();
    void* object = FlsGetValue(slot);
    if (object == nullptr) {
      object = new T;
      FlsSetValue(slot, object);
    }
    return object == &ended ? nullptr : static_cast<T*>(object);
  }

 private:
  static unsigned long allocate() {
    constexpr unsigned long none = 0xffffffff;
    slot_ = FlsAlloc(destroy);
    if (slot_ == none) {
      throw std::bad_alloc();
    }
    return slot_;
  }
  static void __stdcall destroy(void* object) {
    if (object != &ended) {
      FlsSetValue(slot_, &ended);
      delete static_cast<T*>(object);
    }
  }

  static inline unsigned long slot_ = 0;
  static inline char ended = 0;
};

template <class T>
T* thread_object() {
  return ThreadObjects<T>::of_this_thread();
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
