#include "cnnrnn/core/tensor.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/op_table.hpp"
#include "support/sanitizers.hpp"

using namespace cnnrnn;

namespace {

const Tensor<float> matrix({2, 3}, {1, 2, 3, 4, 5, 6});

}  // namespace

TEST_CASE("a tensor holds what it is made of") {
  CHECK(matrix.shape() == Shape{2, 3});
  CHECK(matrix.rank() == 2);
  CHECK(matrix.dim(-1) == 3);
  CHECK(matrix.size() == 6);
  CHECK(matrix(1, 0) == 4);
  CHECK(std::vector<float>(matrix.span().begin(), matrix.span().end()) ==
        std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(Tensor<double>::zeros({2})(1) == 0);
  CHECK(Tensor<double>::ones({2})(1) == 1);
  CHECK(Tensor<Index>::full({2, 2}, 7)(1, 1) == 7);
  CHECK(Tensor<float>::scalar(2.5F).item() == 2.5F);
  CHECK(Tensor<float>::scalar(2.5F).shape() == Shape{});
}

TEST_CASE("memory is aligned to 64 bytes, of whatever size") {
  for (const Index size : {1, 3, 17, 1000, 100000}) {
    CHECK(reinterpret_cast<std::uintptr_t>(Tensor<float>({size}).data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(Tensor<std::uint8_t>({size}).data()) % 64 == 0);
  }
}

TEST_CASE("an undefined tensor has no memory and no elements") {
  Tensor<float> nothing;
  CHECK_FALSE(nothing.defined());
  CHECK(nothing.size() == 0);
  CHECK(nothing.data() == nullptr);
  CHECK(nothing.mutable_data() == nullptr);
  CHECK(nothing.span().empty());
  CHECK(nothing.mutable_span().empty());
  CHECK(nothing.version() == 0);
  CHECK_FALSE(nothing.clone().defined());
  CHECK_FALSE(nothing.to<double>().defined());
  CHECK_FALSE(nothing.shares_memory_with(nothing));
  CHECK_THROWS_AS(nothing.item(), ShapeError);
  CHECK_THROWS_AS(nothing(), ShapeError);
}

TEST_CASE("a tensor with a dimension of 0 is defined and empty") {
  const Tensor<float> empty({3, 0});
  CHECK(empty.defined());
  CHECK(empty.span().empty());
  CHECK(empty.clone().shape() == Shape{3, 0});
  CHECK(empty.reshape({0, 5}).shape() == Shape{0, 5});
}

TEST_CASE("copies share memory, clones do not") {
  Tensor<float> a = matrix.clone();
  Tensor<float> b = a;
  const Tensor<float> c = a.clone();
  CHECK_FALSE(a.unique());
  CHECK(c.unique());
  b.mutable_at(0, 0) = 9;
  CHECK(a(0, 0) == 9);
  CHECK(c(0, 0) == 1);
  CHECK(a.shares_memory_with(b));
  CHECK_FALSE(a.shares_memory_with(c));
}

TEST_CASE("a reshape shares memory and infers one dimension") {
  Tensor<float> a = matrix.clone();
  Tensor<float> view = a.reshape({3, -1});
  CHECK(view.shape() == Shape{3, 2});
  CHECK(view.shares_memory_with(a));
  view.mutable_at(2, 1) = 60;
  CHECK(a(1, 2) == 60);
  CHECK(a.reshape({6}).shape() == Shape{6});
  CHECK(a.reshape(Shape{1, 6, 1}).shape() == Shape{1, 6, 1});
  CHECK(Tensor<float>::scalar(1).reshape({-1}).shape() == Shape{1});
}

TEST_CASE("a reshape that does not fit is an error") {
  const auto check = [](std::initializer_list<Index> dims, const std::string& message) {
    CHECK(throws<ShapeError>([&] { matrix.reshape(dims); }, message).outcome() == message);
  };
  constexpr Index large = Index{1} << 32;
  check({4}, "reshape: expected 6 elements of (2, 3), got (4,)");
  check({4, -1}, "reshape: expected a divisor of the 6 elements of (2, 3) beside the -1, got 4");
  check({0, -1}, "reshape: expected a divisor of the 6 elements of (2, 3) beside the -1, got 0");
  check({-1, -1}, "reshape: expected one dimension of -1 at most, got 2");
  check({1, 1, 1, 1, 1, 1, 6}, "reshape: expected at most 6 dimensions, got 7");
  check({-2, 3, -1}, "shape: expected dimensions of 0 or more, got -2");
  check({large, large, -1},
        "shape: expected fewer than 2^63 elements, got (4294967296,) times 4294967296");
}

TEST_CASE("the version counts what was handed out for writing") {
  Tensor<float> a = matrix.clone();
  const auto before = a.version();
  CHECK(a.data()[0] == 1);
  CHECK(a.span()[0] == 1);
  CHECK(a(0, 0) == 1);
  CHECK(a.version() == before);
  a.mutable_at(0, 0) = 2;
  CHECK(a.version() > before);
  Tensor<float> other = a.reshape({6});
  const auto between = a.version();
  other.mutable_data();
  CHECK(a.version() > between);
  const auto last = a.version();
  a.mutable_span();
  a.copy_from(matrix);
  CHECK(a.version() >= last + 2);
}

TEST_CASE("elements convert") {
  const auto integers = Tensor<double>({3}, {1.9, -1.9, 3}).to<Index>();
  CHECK(integers(0) == 1);
  CHECK(integers(1) == -1);
  CHECK(integers.to<float>()(2) == 3.0F);
}

TEST_CASE("copy_from overwrites the elements") {
  Tensor<float> a({2, 3});
  a.copy_from(matrix);
  CHECK(a(1, 2) == 6);
  CHECK_THROWS_AS(a.copy_from(Tensor<float>()), ShapeError);
}

TEST_CASE("wrong positions, counts and sizes are errors") {
  const std::vector<BadCall> bad_calls = {
      throws<ShapeError>([] { matrix(0); }, "tensor: expected 2 indices for (2, 3), got 1"),
      throws<ShapeError>([] { matrix(0, 3); },
                         "tensor: expected an index in [0, 3) on axis 1 of (2, 3), got 3"),
      throws<ShapeError>([] { matrix(-1, 0); },
                         "tensor: expected an index in [0, 2) on axis 0 of (2, 3), got -1"),
      throws<ShapeError>([] { Tensor<float>(Shape{2}, matrix.span()); },
                         "tensor: expected 2 values for shape (2,), got 6"),
      throws<ShapeError>([] { matrix.item(); }, "item: expected exactly one element, got (2, 3)"),
      throws<ShapeError>([] { matrix.clone().copy_from(Tensor<float>(Shape{6})); },
                         "copy_from: expected shape (2, 3), got (6,)"),
      throws<ShapeError>(
          [] { Tensor<double>(Shape{Index{1} << 60}); },
          "tensor: expected fewer than 2^63 bytes, got shape (1152921504606846976,)")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}

TEST_CASE("a tensor larger than the memory throws") {
  if constexpr (!sanitized) {
    CHECK_THROWS_AS(Tensor<float>({Index{1} << 55}), std::bad_alloc);
  }
}
