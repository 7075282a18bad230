#pragma once

#include "cnnrnn/system/posix/signals.hpp"
#include "cnnrnn/system/windows/signals.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os {

/// While it lives, `handler` gets the signals that ask a process to end: SIGINT and SIGTERM, on
/// Windows Ctrl-Break too. Those that are ignored stay ignored. The destructor restores the former
/// handlers.
using detail::EndSignals;

/// Has a signal do what it does where nobody handles it: end this process.
inline void end_by_signal(int signal) { detail::end_by_signal(signal); }

}  // namespace os
CNNRNN_NAMESPACE_END
