#include "cnnrnn/train/interrupt.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

auto handler_of(int signal) {
  struct ::sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

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

}  // namespace

TEST_CASE("the first signal is noted, and the former handlers come back") {
  const auto before = handler_of(SIGINT);
  for (const int signal : {SIGINT, SIGTERM}) {
    const train::Interrupt interrupt;
    CHECK_FALSE(interrupt.requested());
    ::raise(signal);
    CHECK(interrupt.requested());
    CHECK(interrupt.signal() == signal);
  }
  CHECK(handler_of(SIGINT) == before);
}

TEST_CASE("the second signal ends the process at once") {
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          ::raise(SIGINT);
        }) == 0);
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          ::raise(SIGINT);
          ::raise(SIGTERM);
        }) == SIGTERM);
  CHECK(ends_by([] {
          const train::Interrupt interrupt;
          ::raise(SIGINT);
          ::raise(SIGINT);
        }) == SIGINT);
}

TEST_CASE("an ignored signal stays ignored") {
  const auto before = ::signal(SIGINT, SIG_IGN);
  {
    const train::Interrupt interrupt;
    ::raise(SIGINT);
    CHECK_FALSE(interrupt.requested());
  }
  CHECK(handler_of(SIGINT) == SIG_IGN);
  ::signal(SIGINT, before);
}

TEST_CASE("there is one interrupt at a time") {
  const train::Interrupt interrupt;
  CHECK_THROWS_AS(train::Interrupt(), ValueError);
  CHECK_THROWS_WITH(train::Interrupt(), "interrupt: expected one at a time, got a second");
  ::raise(SIGTERM);
  CHECK(interrupt.requested());
}
