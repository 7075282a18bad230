#include "cnnrnn/kernels/gemm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
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

/// Every rim of a tile on every side, then every way of the product: few rows, few columns, B where
/// it lies, and B packed in several blocks, before the products and with the first of them.
std::vector<Sizes> all_sizes() {
  std::vector<Sizes> sizes{{0, 3, 2},      {3, 0, 2},      {3, 2, 0},      {4, 300, 70},
                           {300, 3, 70},   {2, 530, 1030}, {7, 530, 513},  {31, 257, 300},
                           {200, 31, 600}, {26, 70, 1024}, {100, 600, 20}, {97, 65, 40},
                           {60, 530, 300}};
  for (const Index m : {1, 2, 3, 5, 7, 8, 11, 12, 13, 25}) {
    for (const Index n : {1, 3, 8, 13, 16, 17, 31, 32, 33, 100}) {
      for (const Index k : {1, 2, 7, 16, 33}) {
        sizes.push_back({m, n, k});
      }
    }
  }
  return sizes;
}

enum class Start { zero, result, bias };

template <class T>
void compare(Sizes s, bool a_transposed, bool b_transposed, Start start, bool relu,
             double tolerance) {
  CAPTURE(s.m, s.n, s.k, a_transposed, b_transposed, static_cast<int>(start), relu);
  const auto a = a_transposed ? random_tensor<T>({s.k, s.m}, 1) : random_tensor<T>({s.m, s.k}, 1);
  const auto b = b_transposed ? random_tensor<T>({s.n, s.k}, 2) : random_tensor<T>({s.k, s.n}, 2);
  const auto a_view = view(a, a_transposed);
  const auto b_view = view(b, b_transposed);
  const auto bias = random_tensor<T>({s.n}, 4);

  auto before =
      start == Start::result ? random_tensor<T>({s.m, s.n}, 3) : Tensor<T>::zeros({s.m, s.n});
  for (Index i = 0; start == Start::bias && i < s.m * s.n; ++i) {
    before.mutable_data()[i] = bias.data()[i % s.n];
  }
  auto expected = reference(s.m, s.n, s.k, a_view, b_view, before);
  for (T& value : expected.mutable_span()) {
    value = relu ? std::max(value, T(0)) : value;
  }

  const auto output = [&](Tensor<T>& c) {
    return kernels::GemmOutput<T>{c.mutable_data(), s.n, start == Start::result,
                                  start == Start::bias ? bias.data() : nullptr, relu};
  };
  const auto nothing = Tensor<T>::full({s.m, s.n}, std::numeric_limits<T>::quiet_NaN());
  auto c = start == Start::result ? before.clone() : nothing.clone();
  kernels::gemm<T>(s.m, s.n, s.k, a_view, b_view, output(c));
  require_close(c, expected, tolerance);

  auto from_packed = start == Start::result ? before.clone() : nothing.clone();
  kernels::gemm<T>(s.m, a_view, kernels::PackedB<T>(s.n, s.k, b_view), output(from_packed));
  require_close(from_packed, expected, tolerance);
}

}  // namespace

TEST_CASE("gemm equals the sums in double, for every size, order and start") {
  for (const Sizes s : all_sizes()) {
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        for (const Start start : {Start::zero, Start::result, Start::bias}) {
          compare<float>(s, a_transposed, b_transposed, start, s.m % 2 == 0, 1e-5);
          compare<double>(s, a_transposed, b_transposed, start, s.m % 2 == 1, 1e-12);
        }
      }
    }
  }
}

TEST_CASE("gemm reads every other element of A and B") {
  for (const auto& [m, n, k] : {Sizes{97, 65, 40}, {26, 70, 600}, {3, 300, 70}, {300, 3, 70}}) {
    CAPTURE(m, n, k);
    const auto a = random_tensor<float>({k, 2 * m}, 1);
    const auto b = random_tensor<float>({k, 2 * n}, 2);
    const kernels::MatrixView<float> a_view{a.data(), 2, 2 * m};
    const kernels::MatrixView<float> b_view{b.data(), 2 * n, 2};
    Tensor<float> c({m, n});
    kernels::gemm<float>(m, n, k, a_view, b_view, {c.mutable_data(), n});
    require_close(c, reference(m, n, k, a_view, b_view, Tensor<float>::zeros({m, n})), 1e-5);
  }
}

TEST_CASE("gemm of rows a page apart, alone and with the next ones named") {
  constexpr Index steps = 4;
  for (const auto& [m, n, k] : {Sizes{1, 40, 1024}, {12, 600, 256}, {13, 40, 700}, {30, 33, 300}}) {
    CAPTURE(m, n, k);
    const auto x = random_tensor<float>({m, steps * k}, 1);
    const auto w = random_tensor<float>({n, k}, 2);
    const kernels::PackedB<float> packed(n, k, view(w, true));
    for (Index step = 0; step < steps; ++step) {
      const kernels::MatrixView<float> a{x.data() + step * k, steps * k, 1};
      Tensor<float> c({m, n});
      Tensor<float> alone({m, n});
      kernels::gemm(m, a, packed, {c.mutable_data(), n}, step + 1 < steps ? a.data + k : nullptr);
      kernels::gemm(m, a, packed, {alone.mutable_data(), n});
      CHECK(std::equal(c.data(), c.data() + c.size(), alone.data()));
      require_close(c, reference(m, n, k, a, view(w, true), Tensor<float>::zeros({m, n})), 1e-5);
    }
  }
}

TEST_CASE("a copy of rows of A reads as they do") {
  const auto x = random_tensor<float>({40, 40}, 1);
  for (const auto& [row_stride, column_stride] : {std::pair{40, 1}, {1, 40}, {2, 40}, {40, 2}}) {
    CAPTURE(row_stride, column_stride);
    const kernels::MatrixView<float> a{x.data(), row_stride, column_stride};
    std::vector<float> room(8 * 20);
    const auto copy = kernels::detail::copy_rows<8>(Index(20), a, room.data());
    for (Index row = 0; row < 8; ++row) {
      for (Index column = 0; column < 20; ++column) {
        CHECK(*copy.at(row, column) == *a.at(row, column));
      }
    }
  }
}

TEST_CASE("gemm gives the same bytes for any number of threads") {
  for (const auto& [m, n, k] : {Sizes{300, 300, 700},
                                {3, 2000, 500},
                                {8, 2000, 500},
                                {200, 200, 90},
                                {2000, 10, 300},
                                {1, 3000, 400}}) {
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        CAPTURE(m, n, k, a_transposed, b_transposed);
        const auto a =
            random_tensor<float>({m * k}, 1).reshape(a_transposed ? Shape{k, m} : Shape{m, k});
        const auto b =
            random_tensor<float>({n * k}, 2).reshape(b_transposed ? Shape{n, k} : Shape{k, n});
        std::vector<Tensor<float>> results;
        for (const int count : {1, 2, 3, 8}) {
          set_threads(count);
          results.emplace_back(Shape{m, n});
          kernels::gemm<float>(m, n, k, view(a, a_transposed), view(b, b_transposed),
                               {results.back().mutable_data(), n});
        }
        set_threads(0);
        for (const auto& result : results) {
          CHECK(std::equal(result.data(), result.data() + result.size(), results.front().data()));
        }
      }
    }
  }
}

TEST_CASE("gemm keeps NaN through its ReLU") {
  const auto a = Tensor<float>::full({5, 9}, std::numeric_limits<float>::quiet_NaN());
  for (const Index n : {1, 40}) {
    const auto b = random_tensor<float>({n, 9}, 2);
    Tensor<float> c({5, n});
    kernels::gemm<float>(5, n, 9, view(a, false), view(b, true),
                         {c.mutable_data(), n, false, nullptr, true});
    CHECK(std::isnan(c(0, 0)));
    CHECK(std::isnan(c(4, n - 1)));
  }
}

TEST_CASE("gemm takes parts of wider matrices and writes nothing beside its result") {
  constexpr Index k = 9;
  for (const Index m : {1, 4, 20}) {
    for (const Index n : {1, 8, 23, 40}) {
      CAPTURE(m, n);
      const auto a = random_tensor<float>({m, k + 5}, 1);
      const auto b = random_tensor<float>({k, n + 6}, 2);
      auto wide = Tensor<float>::full({m, n + 10}, 7.0F);
      kernels::gemm<float>(m, n, k, view(a, false), view(b, false), {wide.mutable_data(), n + 10});
      const auto expected =
          reference(m, n, k, view(a, false), view(b, false), Tensor<float>::zeros({m, n}));
      for (Index row = 0; row < m; ++row) {
        for (Index column = 0; column < n + 10; ++column) {
          const float value = column < n ? expected(row, column) : 7.0F;
          CHECK(std::abs(wide(row, column) - value) < 1e-4F);
        }
      }
    }
  }
}

TEST_CASE("every part of a cut product has work, and equal cuts leave columns whole") {
  for (const int count : {1, 2, 3, 4, 16}) {
    set_threads(count);
    for (Index m = 1; m < 70; m += 3) {
      for (const Index n : {1, 10, 16, 64, 1000}) {
        CAPTURE(count, m, n);
        const auto grid = kernels::detail::gemm_grid<float>(m, n, 1 << 16);
        CHECK((grid.row_parts - 1) * grid.rows < m);
        CHECK((grid.column_parts - 1) * grid.columns < n);
        CHECK(grid.row_parts * grid.rows >= m);
        CHECK(grid.column_parts * grid.columns >= n);
        CHECK(grid.parts() <= count);
      }
    }
  }
  set_threads(2);
  CHECK(kernels::detail::gemm_grid<float>(512, 512, 512).row_parts == 2);
  CHECK(kernels::detail::gemm_grid<float>(4, 512, 4096).column_parts == 2);
  set_threads(0);
}
