// Times convolutions, recurrent and dense layers of whole families of shapes:
// shapes_bench --benchmark_filter=depthwise
//
// The cases are in shapes_bench/; --explain lists which kernel each of the convolutions takes.
#include <string_view>

#include "shapes_bench/convolutions.hpp"
#include "shapes_bench/dense.hpp"
#include "shapes_bench/layers.hpp"
#include "shapes_bench/recurrent.hpp"
#include "support/main.hpp"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--explain") {
    bench::explain_convolutions();
    bench::explain_layers();
    return 0;
  }
  bench::register_convolutions();
  bench::register_layers();
  bench::register_recurrent();
  bench::register_dense();
  return bench::main(argc, argv);
}
