#pragma once

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {
CNNRNN_SHARED inline bool& grad_mode() {
  thread_local bool enabled = true;
  return enabled;
}
}  // namespace detail

/// Whether operations on this thread are recorded for backward.
inline bool grad_enabled() { return detail::grad_mode(); }

/// Switches recording off on this thread while it lives: for evaluation and for updates in place.
class NoGradGuard {
 public:
  NoGradGuard() : before_(detail::grad_mode()) { detail::grad_mode() = false; }
  ~NoGradGuard() { detail::grad_mode() = before_; }
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool before_;
};

CNNRNN_NAMESPACE_END
