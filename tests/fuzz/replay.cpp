// Reads the files of a folder as a fuzzer would, each in a process of its own that may take one
// second and 100 MiB: bad-* must be refused with a FileError, good-* must be read, and any other
// may be either.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "fuzz/reader.hpp"
#include "support/sanitizers.hpp"

namespace {

// A sanitizer slows down, and reserves terabytes of addresses.
constexpr ::rlim_t seconds = sanitized ? 20 : 1;
constexpr ::rlim_t memory = 100U << 20U;

// As exit codes, which neither a sanitizer nor a reader that calls exit() uses.
enum Outcome { taken = 40, refused = 41, failed = 42 };

void limit_to(::rlim_t soft, int resource) {
  const ::rlimit limit{soft, soft + 1};
  cnnrnn::require<cnnrnn::Error>(::setrlimit(resource, &limit) == 0, "replay: cannot set a limit");
}

void limit_this_process() {
  limit_to(seconds, RLIMIT_CPU);
  ::alarm(60);  // one that sleeps takes no time of the processor
  if constexpr (!sanitized) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    limit_to(pages * static_cast<::rlim_t>(::sysconf(_SC_PAGESIZE)) + memory, RLIMIT_AS);
  }
}

Outcome outcome_of(const std::vector<std::uint8_t>& bytes) {
  try {
    read_stranger(bytes);
    return taken;
  } catch (const cnnrnn::FileError& error) {
    std::cout << error.what() << '\n';
    return refused;
  } catch (const std::exception& error) {
    std::cout << "not a FileError: " << error.what() << '\n';
    return failed;
  }
}

/// What a process of its own makes of the bytes.
Outcome outcome_in_child(const std::vector<std::uint8_t>& bytes) {
  std::cout << std::flush;
  const ::pid_t child = ::fork();
  if (child == 0) {
    limit_this_process();
    const Outcome outcome = outcome_of(bytes);
    std::cout << std::flush;
    std::exit(outcome);  // as usual: the reader may have files to remove
  }
  int status = 0;
  cnnrnn::require<cnnrnn::Error>(child > 0 && ::waitpid(child, &status, 0) == child,
                                 "replay: cannot run a child");
  if (WIFSIGNALED(status)) {
    std::cout << "ended by signal " << WTERMSIG(status) << '\n';
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : failed;
  return code == taken || code == refused ? static_cast<Outcome>(code) : failed;
}

bool is_right(const std::string& name, Outcome outcome) {
  return outcome != failed && !(name.starts_with("bad-") && outcome != refused) &&
         !(name.starts_with("good-") && outcome != taken);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: replay FOLDER\n";
    return 2;
  }
  cnnrnn::set_threads(1);
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  int wrong = paths.empty() ? 1 : 0;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<std::uint8_t> bytes(std::istreambuf_iterator<char>(in), {});
    std::cout << path.filename().string() << ": ";
    const Outcome outcome = outcome_in_child(bytes);
    std::cout << (outcome == taken ? "read\n" : "");
    if (!is_right(path.filename().string(), outcome)) {
      std::cout << "^^^ WRONG\n";
      ++wrong;
    }
  }
  std::cout << paths.size() << " files, " << wrong << " wrong\n";
  return wrong == 0 ? 0 : 1;
}
