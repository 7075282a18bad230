#include "cnnrnn/kernels/gemm.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

template <class T>
kernels::MatrixView<T> view(const Tensor<T>& matrix, bool transposed) {
  const kernels::MatrixView<T> plain{matrix.data(), matrix.dim(1), 1};
  return transposed ? plain.transposed() : plain;
}

/// a (M, K) b (K, N) + start (M, N), summed in double.
template <class T>
Tensor<T> reference(Index m, Index n, Index k, kernels::MatrixView<T> a, kernels::MatrixView<T> b,
                    const Tensor<T>& start) {
  Tensor<T> result = start.clone();
  for (Index row = 0; row < m; ++row) {
    for (Index column = 0; column < n; ++column) {
      double sum = static_cast<double>(start(row, column));
      for (Index i = 0; i < k; ++i) {
        sum += static_cast<double>(*a.at(row, i)) * static_cast<double>(*b.at(i, column));
      }
      result.mutable_at(row, column) = static_cast<T>(sum);
    }
  }
  return result;
}

struct Sizes {
  Index m, n, k;
};

const std::vector<Sizes> sizes{{1, 1, 1},    {1, 33, 7},    {13, 1, 5},   {12, 32, 3},
                               {97, 65, 40}, {200, 31, 600}, {5, 530, 513}, {0, 3, 2},
                               {3, 2, 0}};

template <class T>
void compare(Sizes s, bool a_transposed, bool b_transposed, double tolerance) {
  CAPTURE(s.m, s.n, s.k, a_transposed, b_transposed);
  const auto a = a_transposed ? random_tensor<T>({s.k, s.m}, 1) : random_tensor<T>({s.m, s.k}, 1);
  const auto b = b_transposed ? random_tensor<T>({s.n, s.k}, 2) : random_tensor<T>({s.k, s.n}, 2);
  const auto a_view = view(a, a_transposed);
  const auto b_view = view(b, b_transposed);

  Tensor<T> stored({s.m, s.n});
  kernels::gemm<T>(s.m, s.n, s.k, a_view, b_view, {stored.mutable_data(), s.n});
  require_close(stored, reference(s.m, s.n, s.k, a_view, b_view, Tensor<T>::zeros({s.m, s.n})),
                tolerance);

  const auto before = random_tensor<T>({s.m, s.n}, 3);
  auto added = before.clone();
  kernels::gemm<T>(s.m, s.n, s.k, a_view, b_view, {added.mutable_data(), s.n, true});
  require_close(added, reference(s.m, s.n, s.k, a_view, b_view, before), tolerance);

  const auto bias = random_tensor<T>({s.n}, 4);
  Tensor<T> rows({s.m, s.n});
  for (Index row = 0; row < s.m; ++row) {
    for (Index column = 0; column < s.n; ++column) {
      rows.mutable_at(row, column) = bias(column);
    }
  }
  Tensor<T> biased({s.m, s.n});
  kernels::gemm<T>(s.m, s.n, s.k, a_view, b_view,
                   {biased.mutable_data(), s.n, false, bias.data()});
  require_close(biased, reference(s.m, s.n, s.k, a_view, b_view, rows), tolerance);
}

}  // namespace

TEST_CASE("gemm equals the sums in double, for every size, order and start") {
  for (const Sizes s : sizes) {
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        compare<float>(s, a_transposed, b_transposed, 1e-5);
        compare<double>(s, a_transposed, b_transposed, 1e-12);
      }
    }
  }
}

TEST_CASE("gemm gives the same bytes for any number of threads") {
  const auto a = random_tensor<float>({300, 700}, 1);
  const auto b = random_tensor<float>({700, 300}, 2);
  std::vector<Tensor<float>> results;
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    results.emplace_back(Shape{300, 300});
    kernels::gemm<float>(300, 300, 700, view(a, false), view(b, false),
                         {results.back().mutable_data(), 300});
  }
  set_threads(0);
  for (const auto& result : results) {
    CHECK(std::equal(result.data(), result.data() + result.size(), results.front().data()));
  }
}

TEST_CASE("gemm writes nothing beside its result") {
  auto wide = Tensor<float>::full({20, 50}, 7.0F);
  const auto a = random_tensor<float>({20, 9}, 1);
  const auto b = random_tensor<float>({9, 40}, 2);
  kernels::gemm<float>(20, 40, 9, view(a, false), view(b, false), {wide.mutable_data(), 50});
  for (Index row = 0; row < 20; ++row) {
    for (Index column = 40; column < 50; ++column) {
      CHECK(wide(row, column) == 7.0F);
    }
  }
}
