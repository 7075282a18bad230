#pragma once

#include <atomic>
#include <optional>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/system/signals.hpp"

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
    os::end_by_signal(signal);
  }
}

}  // namespace detail

/// While it lives, the first Ctrl-C or SIGTERM, on Windows Ctrl-Break too, is noted instead of
/// ending the process, so that the running batch can be finished and saved; a second one ends the
/// process at once. Signals that were ignored before, as under nohup, stay ignored. The destructor
/// restores the former handlers. Only one at a time: the constructor throws ValueError for a
/// second.
class Interrupt {
 public:
  Interrupt() {
    require<ValueError>(!exists().exchange(true),
                        "interrupt: expected one at a time, got a second");
    detail::interrupt_signal() = 0;
    signals_.emplace(detail::note_interrupt);
  }
  ~Interrupt() {
    signals_.reset();
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

  std::optional<os::EndSignals> signals_;
};

}  // namespace train
CNNRNN_NAMESPACE_END
