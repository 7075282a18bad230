#include "cnnrnn/core/shape.hpp"

#include <vector>

#include "cnnrnn/core/size2d.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("a shape has a rank, a size and its dimensions") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.size() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape[-3] == 2);
  CHECK(std::vector<Index>(shape.dims().begin(), shape.dims().end()) ==
        std::vector<Index>{2, 3, 4});
}

TEST_CASE("a shape of rank 0 is a scalar, one with a 0 is empty") {
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{3, 0, 5}.size() == 0);
}

TEST_CASE("shapes compare by rank and dimensions") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 1});
  CHECK_FALSE(Shape{0} == Shape{0, 0});
}

TEST_CASE("with replaces one dimension") {
  CHECK(Shape{2, 3, 4}.with(-1, 7) == Shape{2, 3, 7});
  CHECK(Shape{2, 3, 4}.with(0, 0) == Shape{0, 3, 4});
  CHECK_THROWS_AS((Shape{2, 3}.with(2, 1)), ShapeError);
}

TEST_CASE("a shape prints as in Python") {
  CHECK(to_message(Shape{}) == "()");
  CHECK(to_message(Shape{5}) == "(5,)");
  CHECK(to_message(Shape{128, 32, 32, 16}) == "(128, 32, 32, 16)");
}

TEST_CASE("a shape says what it cannot be") {
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}), "shape: expected at most 6 dimensions, got 7");
  CHECK_THROWS_WITH((Shape{2, -1}), "shape: expected dimensions of 0 or more, got -1");
  constexpr Index large = Index{1} << 32;
  CHECK_THROWS_WITH((Shape{large, large}),
                    "shape: expected fewer than 2^63 elements, got (4294967296,) times 4294967296");
  CHECK_THROWS_WITH((Shape{2, 3}[2]), "shape: expected an axis of (2, 3), got 2");
  CHECK_THROWS_WITH((Shape{2, 3}[-3]), "shape: expected an axis of (2, 3), got -3");
  CHECK_THROWS_WITH(Shape{}[0], "shape: expected an axis of (), got 0");
}

TEST_CASE("a Size2d is one number for both or two") {
  constexpr Size2d square = 3;
  CHECK(square == Size2d(3, 3));
  CHECK_FALSE(square == Size2d(3, 2));
  CHECK(Size2d(2, 5).area() == 10);
  CHECK(to_message(Size2d(2, 5)) == "2x5");
}
