#pragma once

#if !defined(_WIN32)

#include <signal.h>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

/// Calls that a signal interrupts go on behind it.
class EndSignals {
 public:
  explicit EndSignals(void (*handler)(int)) {
    install(SIGINT, handler, before_int_);
    install(SIGTERM, handler, before_term_);
  }
  ~EndSignals() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

 private:
  static void install(int signal, void (*handler)(int), struct ::sigaction& before) {
    struct ::sigaction noting {};
    noting.sa_handler = handler;
    noting.sa_flags = SA_RESTART;
    ::sigemptyset(&noting.sa_mask);
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) {
      ::sigaction(signal, &noting, nullptr);
    }
  }

  struct ::sigaction before_int_ {};
  struct ::sigaction before_term_ {};
};

/// It arrives when its handler returns.
inline void end_by_signal(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
