#include "cnnrnn/nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"

using namespace cnnrnn;

namespace {

namespace init = nn::init;
using Initialiser = std::function<void(Tensor<double>&, Random&)>;

/// What an initialiser does: the moments of its values and the largest of them, by size.
struct Moments {
  double mean = 0, deviation = 0, largest = 0;

  Moments(const Shape& shape, const Initialiser& initialise) {
    Tensor<double> weight(shape);
    Random random(1);
    initialise(weight, random);
    for (const double value : weight.span()) {
      mean += value / static_cast<double>(weight.size());
      deviation += value * value / static_cast<double>(weight.size());
      largest = std::max(largest, std::abs(value));
    }
    deviation = std::sqrt(deviation - mean * mean);
  }
};

void check_normal(const Shape& shape, double deviation, const Initialiser& initialise) {
  const Moments m(shape, initialise);
  CHECK(m.mean == Approx(0).margin(0.03 * deviation));
  CHECK(m.deviation == Approx(deviation).epsilon(0.02));
  CHECK(m.largest > 3 * deviation);
}

void check_uniform(const Shape& shape, double deviation, const Initialiser& initialise) {
  const Moments m(shape, initialise);
  CHECK(m.mean == Approx(0).margin(0.03 * deviation));
  CHECK(m.deviation == Approx(deviation).epsilon(0.02));
  CHECK(m.largest <= std::sqrt(3.0) * deviation);
  CHECK(m.largest > 1.7 * deviation);
}

/// The products of the rows of weight (as a matrix), or of its columns when there are fewer.
Tensor<double> products(const Tensor<double>& weight) {
  const Index rows = weight.dim(0);
  const Index columns = weight.size() / rows;
  const Index count = std::min(rows, columns);
  auto result = Tensor<double>::zeros({count, count});
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < count; ++j) {
      for (Index k = 0; k < std::max(rows, columns); ++k) {
        const auto at = [&](Index vector) {
          return weight.data()[rows <= columns ? vector * columns + k : k * columns + vector];
        };
        result.mutable_at(i, j) += at(i) * at(j);
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("Kaiming initialisers have the deviation gain / sqrt(fan)") {
  const Shape linear{200, 300};
  const Shape convolution{60, 40, 5, 3};
  check_normal(linear, std::sqrt(2.0 / 300), [](auto& w, auto& r) { init::kaiming_normal(w, r); });
  check_normal(convolution, std::sqrt(2.0 / (40 * 15)),
               [](auto& w, auto& r) { init::kaiming_normal(w, r); });
  check_normal(convolution, std::sqrt(2.0 / (60 * 15)),
               [](auto& w, auto& r) { init::kaiming_normal(w, r, {.fan = init::Fan::out}); });
  check_uniform(linear, 5.0 / 3 / std::sqrt(300.0), [](auto& w, auto& r) {
    init::kaiming_uniform(w, r, {.gain = init::gain(init::Nonlinearity::tanh)});
  });
}

TEST_CASE("Xavier initialisers have the deviation gain sqrt(2 / (fan in + fan out))") {
  const double deviation = std::sqrt(2.0 / (100 * 15));
  const Shape shape{60, 40, 5, 3};
  check_normal(shape, deviation, [](auto& w, auto& r) { init::xavier_normal(w, r); });
  check_uniform(shape, deviation, [](auto& w, auto& r) { init::xavier_uniform(w, r); });
  check_uniform(shape, 3 * deviation, [](auto& w, auto& r) { init::xavier_uniform(w, r, 3); });
}

TEST_CASE("gains are those of the activations") {
  using init::Nonlinearity;
  CHECK(init::gain(Nonlinearity::linear) == 1);
  CHECK(init::gain(Nonlinearity::sigmoid) == 1);
  CHECK(init::gain(Nonlinearity::tanh) == Approx(5.0 / 3));
  CHECK(init::gain(Nonlinearity::relu) == Approx(std::sqrt(2.0)));
  CHECK(init::gain(Nonlinearity::leaky_relu, 0) == Approx(std::sqrt(2.0)));
  CHECK(init::gain(Nonlinearity::leaky_relu, 1) == Approx(1));
}

TEST_CASE("normal and uniform have what they are asked for") {
  check_normal({300, 200}, 2, [](auto& w, auto& r) { init::normal(w, r, 0, 2); });
  const Moments m({300, 200}, [](auto& w, auto& r) { init::uniform(w, r, 1, 3); });
  CHECK(m.mean == Approx(2).epsilon(0.01));
  CHECK(m.largest < 3);
  CHECK(m.deviation == Approx(2 / std::sqrt(12.0)).epsilon(0.02));
}

TEST_CASE("orthogonal matrices have orthonormal rows or columns, times the gain") {
  for (const Shape& shape :
       {Shape{1, 1}, Shape{7, 7}, Shape{5, 19}, Shape{19, 5}, Shape{8, 3, 2, 2}, Shape{64, 48}}) {
    CAPTURE(shape);
    Tensor<double> weight(shape);
    Random random(3);
    init::orthogonal(weight, random, 2);
    const auto got = products(weight);
    auto expected = Tensor<double>(got.shape());
    init::identity(expected, 4);
    require_close(got, expected, 1e-13);
  }
}

TEST_CASE("orthogonal matrices are not biased to one side") {
  Random random(4);
  double trace = 0;
  for (int i = 0; i < 400; ++i) {
    Tensor<double> weight({4, 4});
    init::orthogonal(weight, random);
    trace += weight(0, 0) + weight(1, 1) + weight(2, 2) + weight(3, 3);
  }
  CHECK(trace / 400 == Approx(0).margin(0.2));  // each has a variance of 1
}

TEST_CASE("identity, constant and zeros") {
  Tensor<float> weight({2, 3});
  init::identity(weight, 0.5);
  require_close(weight, Tensor<float>({2, 3}, {0.5F, 0, 0, 0, 0.5F, 0}), 0);
  init::constant(weight, 3);
  require_close(weight, Tensor<float>::full({2, 3}, 3), 0);
  init::zeros(weight);
  require_close(weight, Tensor<float>::zeros({2, 3}), 0);
}

TEST_CASE("the streams stay what they are, for float and double alike") {
  const auto first = [](const auto& initialise) {
    Tensor<double> weight({3, 4});
    Tensor<float> single({3, 4});
    Random random(42);
    Random same(42);
    initialise(weight, random);
    initialise(single, same);
    require_close(single, weight.to<float>(), 0);
    CHECK(random.state() == same.state());
    return weight(0, 0);
  };
  CHECK(first([](auto& w, auto& r) { init::kaiming_normal(w, r); }) ==
        Approx(-0.5437602030421852).epsilon(1e-14));
  CHECK(first([](auto& w, auto& r) { init::kaiming_uniform(w, r); }) ==
        Approx(0.76988722908254603).epsilon(1e-14));
  CHECK(first([](auto& w, auto& r) { init::xavier_normal(w, r); }) ==
        Approx(-0.41104407717245989).epsilon(1e-14));
  CHECK(first([](auto& w, auto& r) { init::xavier_uniform(w, r); }) ==
        Approx(0.58198004163343731).epsilon(1e-14));
  CHECK(first([](auto& w, auto& r) { init::orthogonal(w, r); }) ==
        Approx(-0.39471177045617073).epsilon(1e-14));
}

TEST_CASE("initialisers say what they expected and what came") {
  Random random(1);
  Tensor<float> vector({3});
  Tensor<float> cube({3, 3, 3});
  CHECK_THROWS_WITH(init::kaiming_normal(vector, random),
                    "initialiser: expected a weight (O, I, ...), got (3,)");
  CHECK_THROWS_AS(init::xavier_uniform(vector, random), ShapeError);
  CHECK_THROWS_AS(init::orthogonal(vector, random), ShapeError);
  CHECK_THROWS_WITH(init::identity(cube), "identity: expected a matrix, got (3, 3, 3)");
  CHECK_THROWS_WITH(init::normal(vector, random, 0, -1),
                    "normal: expected a deviation of 0 or more, got -1");
  CHECK_THROWS_WITH(init::uniform(vector, random, 2, 1),
                    "uniform: expected bounds in order, got 2 and 1");
}
