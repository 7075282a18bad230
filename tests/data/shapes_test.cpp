#include "cnnrnn/data/shapes.hpp"

#include <map>
#include <string>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

constexpr int steps = 500;
constexpr double step = 2.0 / steps;

/// The middle of a cell of a grid over the square from -1 to 1.
double middle(int cell) { return (cell + 0.5) * step - 1; }

}  // namespace

TEST_CASE("shapes have the areas of their formulas and stay in the unit circle") {
  const double pi = std::numbers::pi;
  const std::map<std::string, double> areas{
      {"circle", pi * 0.85 * 0.85},
      {"ring", pi * (0.9 * 0.9 - 0.5 * 0.5)},
      {"square", 1.4 * 1.4},
      {"triangle", 3 * std::sqrt(3.0) / 4},
      {"cross", 2 * 1.84 * 0.5 - 0.25},
      {"star", 5 * 0.5 * std::cos(pi / 5) * std::sin(pi / 5)},
  };
  for (const data::PlaneShape& shape : data::plane_shapes()) {
    CAPTURE(shape.name);
    double area = 0;
    double farthest = 0;
    for (int x = 0; x < steps; ++x) {
      for (int y = 0; y < steps; ++y) {
        if (shape.contains(middle(x), middle(y))) {
          area += step * step;
          farthest = std::max(farthest, std::hypot(middle(x), middle(y)));
        }
      }
    }
    CHECK(farthest < 1.12);
    CHECK(area > 0.5);
    if (const auto known = areas.find(shape.name); known != areas.end()) {
      CHECK(area == Approx(known->second).epsilon(0.01));
    }
  }
}

TEST_CASE("triangle and star point upwards") {
  for (const int index : {3, 5}) {
    const auto& shape = data::plane_shapes().at(static_cast<std::size_t>(index));
    CHECK(shape.contains(0, 0.95));
    CHECK_FALSE(shape.contains(0, -0.95));
    CHECK(shape.contains(0, 0));
    CHECK_FALSE(shape.contains(0.5, 0.5));
  }
}

TEST_CASE("ring, crescent and dots have holes where they must") {
  const auto contains = [](const std::string& name, double x, double y) {
    for (const data::PlaneShape& shape : data::plane_shapes()) {
      if (shape.name == name) {
        return shape.contains(x, y);
      }
    }
    FAIL("no shape " << name);
    return false;
  };
  CHECK_FALSE(contains("ring", 0, 0));
  CHECK(contains("crescent", -0.6, 0));
  CHECK_FALSE(contains("crescent", 0.42, 0));
  CHECK(contains("dots", 0, 0));
  CHECK(contains("dots", 0.55, -0.55));
  CHECK_FALSE(contains("dots", 0.275, 0));
  CHECK(contains("checkerboard", 0.1, 0.1));
  CHECK_FALSE(contains("checkerboard", 0.1, -0.1));
  CHECK(contains("stripes", 0.1, 0.7));
  CHECK_FALSE(contains("stripes", -0.1, 0.7));
}
