#pragma once

#if defined(_WIN32)

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

using SignalHandler = void (*)(int);

/// The C library forgets a handler with the first signal, which comes on a thread of its own.
class EndSignals {
 public:
  explicit EndSignals(SignalHandler handler) {
    current() = handler;
    for (std::size_t i = 0; i < signals.size(); ++i) {
      before_[i] = std::signal(signals[i], handle);
      if (before_[i] == SIG_IGN) {
        std::signal(signals[i], SIG_IGN);
      }
    }
  }
  ~EndSignals() {
    for (std::size_t i = 0; i < signals.size(); ++i) {
      std::signal(signals[i], before_[i]);
    }
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

 private:
  static constexpr std::array<int, 3> signals{SIGINT, SIGTERM, SIGBREAK};

  static std::atomic<SignalHandler>& current() {
    static std::atomic<SignalHandler> handler{SIG_DFL};
    return handler;
  }
  static void handle(int signal) {
    std::signal(signal, handle);
    current().load()(signal);
  }

  std::array<SignalHandler, 3> before_{};
};

inline void end_by_signal(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
