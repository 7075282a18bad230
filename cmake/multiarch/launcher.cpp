// Becomes the best of several builds of a program that lie beside it: /opt/train/train becomes
// train.x86-64-v4, train.x86-64-v3, train.x86-64-v2 or train.x86-64 in /opt/train, the first that
// is there and that the processor can run. CNNRNN_ISA=x86-64-v3, or v3, asks for that one. The
// process stays the same one: its number, arguments, open files, signals and exit code are the
// program's.
//
// Compiled for every x86-64, and with the C library alone. Its own errors end it with 1, or 2 where
// CNNRNN_ISA is to blame.
#include <cpuid.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// What a processor says it has, and what the system saves of it.
struct Features {
  std::uint32_t basic = 0;     ///< leaf 1, ECX
  std::uint32_t newer = 0;     ///< leaf 7, EBX
  std::uint32_t extended = 0;  ///< leaf 0x80000001, ECX
  std::uint32_t saved = 0;     ///< the register XCR0
};

constexpr std::uint32_t bits(auto... numbers) { return ((std::uint32_t{1} << numbers) | ... | 0U); }

struct Level {
  const char* name;
  Features needs;  ///< beyond what the level below needs
};

// The best first: a later one, with AMX, will be the first line. Source: System V ABI, AMD64
// supplement, "Micro-Architecture Levels".
constexpr Level levels[] = {
    // AVX512F, DQ, CD, BW, VL; their masks and the upper halves and registers
    {"x86-64-v4", {.newer = bits(16, 17, 28, 30, 31), .saved = bits(5, 6, 7)}},
    // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; vectors of 16 and 32 bytes
    {"x86-64-v3",
     {.basic = bits(12, 22, 27, 28, 29),
      .newer = bits(3, 5, 8),
      .extended = bits(5),
      .saved = bits(1, 2)}},
    // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
    {"x86-64-v2", {.basic = bits(0, 9, 13, 19, 20, 23), .extended = bits(0)}},
    {"x86-64", {}},
};
constexpr int level_count = sizeof(levels) / sizeof(levels[0]);

Features features_of_processor() {
  Features found;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) {
    found.basic = c;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
    found.newer = b;
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d) != 0) {
    found.extended = c;
  }
  if ((found.basic & bits(27)) != 0) {  // OSXSAVE: else there is no such register
    asm("xgetbv" : "=a"(found.saved), "=d"(d) : "c"(0));
  }
  return found;
}

bool has(const Features& found, const Features& needs) {
  return (needs.basic & ~found.basic) == 0 && (needs.newer & ~found.newer) == 0 &&
         (needs.extended & ~found.extended) == 0 && (needs.saved & ~found.saved) == 0;
}

/// The best level whose needs, and those of all below it, are met.
int best_of_processor() {
  const Features found = features_of_processor();
  int best = level_count - 1;
  while (best > 0 && has(found, levels[best - 1].needs)) {
    --best;
  }
  return best;
}

/// The level of a name such as x86-64-v3 or, in short, v3; none: level_count.
int level_named(const char* name) {
  int level = 0;
  while (level < level_count && std::strcmp(name, levels[level].name) != 0 &&
         std::strcmp(name, std::strrchr(levels[level].name, '-') + 1) != 0) {
    ++level;
  }
  return level;
}

/// Writes the path of this file, without symbolic links, and returns its length; 0 where it cannot
/// be found.
std::size_t own_path(char* path) {
  const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length > 0) {
    path[length] = '\0';
    return static_cast<std::size_t>(length);
  }
  const auto* const given = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  return given != nullptr && realpath(given, path) != nullptr ? std::strlen(path) : 0;
}

/// The builds of this program.
class Builds {
 public:
  Builds() : length_(own_path(path_)) {}

  bool found() const { return length_ > 0; }

  /// The file of a level, until the next call.
  const char* file(int level) {
    std::snprintf(path_ + length_, longest_suffix, ".%s", levels[level].name);
    return path_;
  }
  bool has(int level) { return access(file(level), F_OK) == 0; }

  bool any() {
    int level = 0;
    while (level < level_count && !has(level)) {
      ++level;
    }
    return level < level_count;
  }

  /// The path without a level.
  const char* program() {
    path_[length_] = '\0';
    return path_;
  }

  /// Prints the names of all levels that are there.
  void print() {
    const char* separator = "";
    for (int level = level_count; level-- > 0;) {
      if (has(level)) {
        std::fprintf(stderr, "%s%s", separator, levels[level].name);
        separator = ", ";
      }
    }
  }

 private:
  static constexpr std::size_t longest_suffix = 32;

  char path_[PATH_MAX + longest_suffix];
  std::size_t length_;
};

int fail_for_isa(const char* asked, Builds& builds) {
  std::fprintf(stderr, "%s: CNNRNN_ISA: expected one of ", builds.program());
  builds.print();
  std::fprintf(stderr, ", got %s\n", asked);
  return 2;
}

int fail_for_processor(int best, Builds& builds) {
  int lowest = best;
  while (lowest-- > 0 && !builds.has(lowest)) {
  }
  if (lowest < 0) {
    std::fprintf(
        stderr, "%s: expected builds of this program beside it, such as %s.x86-64-v3; found none\n",
        builds.program(), std::strrchr(builds.program(), '/') + 1);
  } else {
    std::fprintf(stderr, "%s: expected a processor with %s or better, got one with %s\n",
                 builds.program(), levels[lowest].name, levels[best].name);
  }
  return 1;
}

int become(const char* file, char** arguments) {
  execv(file, arguments);
  std::fprintf(stderr, "%s: cannot be run: %s\n", file, std::strerror(errno));
  return 1;
}

}  // namespace

int main(int, char** arguments) {
  Builds builds;
  if (!builds.found()) {
    std::fprintf(stderr, "%s: cannot find out where this program lies\n", arguments[0]);
    return 1;
  }
  const int best = best_of_processor();
  const char* const asked = std::getenv("CNNRNN_ISA");
  if (asked != nullptr && *asked != '\0') {
    if (!builds.any()) {
      return fail_for_processor(best, builds);
    }
    const int level = level_named(asked);
    if (level == level_count || !builds.has(level)) {
      return fail_for_isa(asked, builds);
    }
    if (level < best) {
      std::fprintf(stderr,
                   "%s: CNNRNN_ISA: expected at most %s, which this processor has, got %s\n",
                   builds.program(), levels[best].name, asked);
      return 2;
    }
    return become(builds.file(level), arguments);
  }
  for (int level = best; level < level_count; ++level) {
    if (builds.has(level)) {
      return become(builds.file(level), arguments);
    }
  }
  return fail_for_processor(best, builds);
}
