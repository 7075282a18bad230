#pragma once

#include <signal.h>

#include <atomic>

#include "cnnrnn/core/error.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

namespace detail {

static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

CNNRNN_SHARED inline std::atomic<int>& interrupt_signal() {
  static std::atomic<int> signal{0};
  return signal;
}

inline void note_interrupt(int signal) {
  if (interrupt_signal().exchange(signal) != 0) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // arrives when this handler returns, and ends the process
  }
}

}  // namespace detail

/// While it lives, the first Ctrl-C or SIGTERM is noted instead of ending the process, so that the
/// running batch can be finished and saved; a second one ends the process at once. Signals that
/// were ignored before, as under nohup, stay ignored. The destructor restores the former handlers.
/// Only one at a time: the constructor throws ValueError for a second.
class Interrupt {
 public:
  Interrupt() {
    require<ValueError>(!exists().exchange(true),
                        "interrupt: expected one at a time, got a second");
    detail::interrupt_signal() = 0;
    install(SIGINT, before_int_);
    install(SIGTERM, before_term_);
  }
  ~Interrupt() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
    exists() = false;
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came, or 0.
  int signal() const { return detail::interrupt_signal(); }

  /// Whether a signal has come.
  bool requested() const { return signal() != 0; }

 private:
  CNNRNN_SHARED static std::atomic<bool>& exists() {
    static std::atomic<bool> exists{false};
    return exists;
  }

  static void install(int signal, struct ::sigaction& before) {
    struct ::sigaction noting {};
    noting.sa_handler = detail::note_interrupt;
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

}  // namespace train
CNNRNN_NAMESPACE_END
