// Times the kernels one by one: kernels_bench --benchmark_filter=conv2d_forward --threads=2
//
// The cases are in kernels_bench/. GFLOPS counts the operations of the direct algorithm, whatever a
// kernel does instead; peak is their share of the FMA peak that the same process measured.
#include "support/main.hpp"

int main(int argc, char** argv) { return bench::main(argc, argv); }
