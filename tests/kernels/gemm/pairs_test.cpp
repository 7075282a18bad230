#include "cnnrnn/kernels/gemm/pairs.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "cnnrnn/core/parallel.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

// Products of pairs on any machine, also where dense layers of bfloat16 multiply floats.

using namespace cnnrnn;
using kernels::PairOutput;

namespace {

using Half = Tensor<bfloat16>;

Half numbers(const Shape& shape, std::uint64_t seed) {
  return random_tensor<float>(shape, seed).to<bfloat16>();
}

struct Sizes {
  Index m, n, k;
};

/// Rims of tiles on every side, few rows, odd and single lengths, and several parts for threads.
const std::vector<Sizes> all_sizes{
    {0, 3, 2},   {3, 0, 2}, {3, 2, 0},    {1, 1, 1},    {1, 17, 33},  {2, 40, 65}, {5, 9, 70},
    {8, 33, 31}, {9, 7, 3}, {13, 16, 17}, {12, 32, 64}, {25, 47, 34}, {40, 65, 7}, {97, 130, 61}};

/// max(a b + bias + beside, 0), summed in double.
Tensor<float> reference(const Sizes& d, const Half& a, const Half& b, const Half& beside,
                        const Tensor<float>& bias) {
  Tensor<float> result({d.m, d.n});
  for (Index row = 0; row < d.m; ++row) {
    for (Index column = 0; column < d.n; ++column) {
      double sum = static_cast<double>(bias(column)) + static_cast<double>(beside(row, column));
      for (Index i = 0; i < d.k; ++i) {
        sum += static_cast<double>(a(row, i)) * static_cast<double>(b(i, column));
      }
      result.mutable_at(row, column) = static_cast<float>(std::max(0.0, sum));
    }
  }
  return result;
}

Half transposed(const Half& x) {
  Half result({x.dim(1), x.dim(0)});
  for (Index row = 0; row < x.dim(0); ++row) {
    for (Index column = 0; column < x.dim(1); ++column) {
      result.mutable_at(column, row) = x(row, column);
    }
  }
  return result;
}

/// product(to) on one and on two threads, from the same `beside`.
template <class Product>
void check(const std::string& name, const Sizes& d, const Half& beside,
           const Tensor<float>& expected, const Product& product) {
  INFO(name << " " << d.m << " x " << d.n << ", " << d.k);
  std::vector<Half> results;
  for (const int threads : {1, 2}) {
    set_threads(threads);
    results.push_back(beside.clone());
    product(results.back());
    set_threads(0);
  }
  CHECK(difference(results[0].to<float>(), expected, 0x1p-8) == "");
  CHECK(same_bytes(results[0], results[1]));
}

}  // namespace

TEST_CASE("products of pairs: each way, with a bias, what is beside them and a ReLU") {
  for (const Sizes& d : all_sizes) {
    const auto a = numbers({d.m, d.k}, 1);
    const auto b = numbers({d.k, d.n}, 2);
    const auto beside = numbers({d.m, d.n}, 3);
    const auto bias = random_tensor<float>({d.n}, 4);
    const auto expected = reference(d, a, b, beside, bias);
    const auto output = [&](Half& to) {
      return PairOutput<bfloat16>{to.mutable_data(), d.n, bias.data(), to.data(), true};
    };
    check("rows by rows", d, beside, expected, [&, other = transposed(b)](Half& to) {
      kernels::pair_product_transposed(d.m, d.n, d.k, a.data(), other.data(), output(to));
    });
    check("rows by columns", d, beside, expected,
          [&](Half& to) { kernels::pair_product(d.m, d.n, d.k, a.data(), b.data(), output(to)); });
    check("columns by columns", d, beside, expected, [&, other = transposed(a)](Half& to) {
      kernels::pair_product_of_columns(d.m, d.n, d.k, other.data(), b.data(), output(to));
    });
  }
}

TEST_CASE("products of pairs take no number from beside an odd row") {
  constexpr Index k = 5;
  auto a = numbers({13, k}, 1);
  const auto b = numbers({9, k}, 2);
  for (Index row = 1; row < 13; row += 2) {
    a.mutable_at(row, 0) = std::numeric_limits<bfloat16>::quiet_NaN();
  }
  Half c({13, 9});
  kernels::pair_product_transposed(13, 9, k, a.data(), b.data(),
                                   PairOutput<bfloat16>{c.mutable_data(), 9});
  for (Index row = 0; row < 13; ++row) {
    CHECK(std::isnan(c(row, 0)) == (row % 2 == 1));
  }
}
