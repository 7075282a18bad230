// Eigen's matrix product, eigen_gemm/N: what gemm/N is held against.

// GCC 12 warns of uninitialised values inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <Eigen/Core>

#include "support/rates.hpp"

namespace {

void eigen_gemm(benchmark::State& state) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Index n = state.range(0);
  Eigen::setNbThreads(cnnrnn::threads());
  const Matrix a = Matrix::Random(n, n);
  const Matrix b = Matrix::Random(n, n);
  Matrix c(n, n);
  const double seconds = bench::time_iterations(state, [&] {
    c.noalias() = a * b;
    benchmark::DoNotOptimize(c.data());
  });
  bench::report_flops(state, 2 * n * n * n, seconds);
}

BENCHMARK(eigen_gemm)->RangeMultiplier(2)->Range(8, 1024)->Unit(benchmark::kMicrosecond);

}  // namespace
