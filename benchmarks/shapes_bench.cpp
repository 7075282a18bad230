// Times convolutions, recurrent and dense layers of whole families of shapes:
// shapes_bench --benchmark_filter=depthwise
//
// The cases are in shapes_bench/; --explain lists which kernel each of the convolutions takes.
// --random=COUNT,SEED times COUNT random convolutions of each family instead.
#include <cstdio>
#include <iostream>
#include <string_view>
#include <vector>

#include "shapes_bench/convolutions.hpp"
#include "shapes_bench/dense.hpp"
#include "shapes_bench/layers.hpp"
#include "shapes_bench/random_convolutions.hpp"
#include "shapes_bench/recurrent.hpp"
#include "support/main.hpp"

namespace {

/// Takes the argument out.
void take(int at, int& argc, char** argv) {
  for (--argc; at < argc; ++at) {
    argv[at] = argv[at + 1];
  }
  argv[argc] = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  auto convolutions = bench::chosen_convolutions();
  bool random = false;
  bool explain = false;
  for (int i = 1; i < argc;) {
    unsigned count = 0, seed = 0;
    if (const std::string_view argument = argv[i]; argument == "--explain") {
      explain = true;
    } else if (!argument.starts_with("--random=")) {
      ++i;
      continue;
    } else if (int read = 0; std::sscanf(argv[i], "--random=%u,%u%n", &count, &seed, &read) != 2 ||
                             argv[i][read] != 0 || count == 0) {
      std::cerr << argv[0] << ": expected --random=COUNT,SEED, got " << argument << '\n';
      return 2;
    } else {
      random = true;
      convolutions = bench::random_convolutions(count, seed);
    }
    take(i, argc, argv);
  }
  if (explain) {
    bench::explain_convolutions(convolutions);
    if (!random) {
      bench::explain_layers();
    }
    return 0;
  }
  bench::register_convolutions(convolutions);
  if (!random) {
    bench::register_layers();
    bench::register_recurrent();
    bench::register_dense();
  }
  return bench::main(argc, argv);
}
