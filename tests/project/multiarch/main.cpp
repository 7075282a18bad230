// Prints what it is and what it got; kills itself if it is told to; its exit code is the number of
// arguments.
#include <csignal>
#include <iostream>
#include <string>

#include "score.hpp"

static_assert(OF_THE_PROGRAM == 1);

int main(int count, char** arguments) {
  std::cout << score() << '\n';
  for (int i = 0; i < count; ++i) {
    std::cout << arguments[i] << '\n';
  }
  std::cout << std::flush;
  if (count > 1 && arguments[1] == std::string("killed")) {
    std::raise(SIGTERM);
  }
  return count;
}
