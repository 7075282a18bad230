#include "cnnrnn/train/interrupt.hpp"

#include <csignal>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

auto handler_of(int signal) {
  const auto handler = std::signal(signal, SIG_DFL);
  std::signal(signal, handler);
  return handler;
}

#if !defined(_WIN32)
/// The signal that ends a child process which does `work`, or 0.
template <class Work>
int ends_by(const Work& work) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
#endif

}  // namespace

TEST_CASE("the first signal is noted, and the former handlers come back") {
  const auto before = handler_of(SIGINT);
  for (const int signal : {SIGINT, SIGTERM}) {
    const train::Interrupt interrupt;
    CHECK_FALSE(interrupt.requested());
    std::raise(signal);
    CHECK(interrupt.requested());
    CHECK(interrupt.signal() == signal);
  }
  CHECK(handler_of(SIGINT) == before);
}

#if !defined(_WIN32)
TEST_CASE("the second signal ends the process at once") {
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          std::raise(SIGINT);
        }) == 0);
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          std::raise(SIGINT);
          std::raise(SIGTERM);
        }) == SIGTERM);
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          std::raise(SIGINT);
          std::raise(SIGINT);
        }) == SIGINT);
}
#endif

TEST_CASE("an ignored signal stays ignored") {
  const auto before = std::signal(SIGINT, SIG_IGN);
  {
    const train::Interrupt interrupt;
    std::raise(SIGINT);
    CHECK_FALSE(interrupt.requested());
  }
  CHECK(handler_of(SIGINT) == SIG_IGN);
  std::signal(SIGINT, before);
}

TEST_CASE("there is one interrupt at a time") {
  const train::Interrupt interrupt;
  CHECK_THROWS_AS(train::Interrupt(), ValueError);
  CHECK_THROWS_WITH(train::Interrupt(), "interrupt: expected one at a time, got a second");
  std::raise(SIGTERM);
  CHECK(interrupt.requested());
}
