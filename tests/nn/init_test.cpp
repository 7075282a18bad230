#include "cnnrnn/nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/pytorch_init.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/nn/whitening.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/random_tensor.hpp"

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

TEST_CASE("dirac filters are PyTorch's, and pass a convolution's input on") {
  const Fixture fixture("init");
  const auto check = [&](const std::string& name, Index groups) {
    CAPTURE(name);
    const auto expected = fixture.get<float>("dirac/" + name);
    auto weight = Tensor<float>::full(expected.shape(), 7);
    init::dirac(weight, groups);
    require_close(weight, expected, 0);
  };
  check("square", 1);
  check("more_outputs", 1);
  check("groups", 2);
  check("sequence", 1);

  Random random(1);
  nn::Conv2d<double> layer(3, 3, {.kernel = 5, .padding = 2}, random);
  init::dirac(layer.weight().mutable_value());
  const Variable<double> x(random_tensor<double>({2, 4, 6, 3}, 1));
  require_close(layer(x).value(), x.value(), 1e-14);
  CHECK(layer.bias().shape() == Shape{3});
}

TEST_CASE("a truncated normal distribution has the moments of one, and its bounds") {
  // mean = m + s (p(a) - p(b)) / Z of the standardised bounds a and b, and so on (Wikipedia).
  const auto check = [](const init::TruncatedNormalOptions& options, double mean,
                        double deviation) {
    const auto draw = [&](auto& w, auto& r) { init::trunc_normal(w, r, options); };
    Tensor<double> weight({300, 200});
    Random random(1);
    draw(weight, random);
    for (const double value : weight.span()) {
      REQUIRE((options.low <= value && value <= options.high));
    }
    const Moments m({300, 200}, draw);
    CHECK(m.mean == Approx(mean).margin(0.01 * deviation));
    CHECK(m.deviation == Approx(deviation).epsilon(0.02));
  };
  check({}, 0, 0.87963);
  check({.mean = 1, .deviation = 0.5, .low = 0.5, .high = 3}, 1.14373, 0.39659);
  check({.mean = 0, .deviation = 2, .low = 1, .high = 2}, 1.46908, 0.28648);
}

TEST_CASE("convolutions and dense layers can start as PyTorch's") {
  Random random(1);
  nn::Sequential<double> model(nn::Conv2d<double>(40, 30, {.kernel = 3}, random),
                               nn::BatchNorm2d<double>(30), nn::Linear<double>(100, 400, random));
  init::as_in_pytorch(model, random);
  const auto parameters = model.parameters();
  const auto check = [&](std::size_t which, double bound) {
    const auto& values = parameters[which].value();
    const double largest =
        std::abs(*std::max_element(values.data(), values.data() + values.size(),
                                   [](double a, double b) { return std::abs(a) < std::abs(b); }));
    CHECK(largest <= bound);
    CHECK(largest > 0.9 * bound);
  };
  check(0, 1 / std::sqrt(360.0));
  check(1, 1 / std::sqrt(360.0));
  require_close(parameters[2].value(), Tensor<double>::ones({30}), 0);
  require_close(parameters[3].value(), Tensor<double>::zeros({30}), 0);
  check(4, 0.1);
  check(5, 0.1);
}

TEST_CASE("whitening filters invert what the patches have in common") {
  const auto images = random_tensor<double>({70, 5, 6, 3}, 1);
  constexpr Index size = 12;
  constexpr double epsilon = 0.01;
  Tensor<double> weight({2 * size, 3, 2, 2});
  set_threads(1);
  init::whitening(weight, images, {.epsilon = epsilon});
  set_threads(3);
  Tensor<double> again(weight.shape());
  init::whitening(again, images, {.epsilon = epsilon});
  set_threads(0);
  require_close(again, weight, 0);

  // The sum over the filters f of f f^T / 2 is the inverse of the patches' mean product + epsilon.
  auto product = Tensor<double>::zeros({size, size});
  for (Index n = 0; n < 70; ++n) {
    for (Index p = 0; p < 4 * 5; ++p) {
      const auto at = [&](Index i) {
        return images(n, p / 5 + i / 2 % 2, p % 5 + i % 2, i / 4) / std::sqrt(70 * 20);
      };
      for (Index i = 0; i < size * size; ++i) {
        product.mutable_data()[i] += at(i / size) * at(i % size);
      }
    }
  }
  auto identity = Tensor<double>::zeros({size, size});
  for (Index i = 0; i < size; ++i) {
    product.mutable_at(i, i) += epsilon;
    for (Index f = 0; f < 2 * size; ++f) {
      for (Index k = 0; k < size * size; ++k) {
        identity.mutable_at(i, k % size) += product(i, k / size) *
                                            weight.data()[f * size + k / size] *
                                            weight.data()[f * size + k % size] / 2;
      }
    }
  }
  auto expected = Tensor<double>(identity.shape());
  init::identity(expected);
  require_close(identity, expected, 1e-10);

  Tensor<double> few({4, 3, 2, 2});
  init::whitening(few, images, {.epsilon = epsilon});
  for (Index i = 0; i < 2 * size; ++i) {
    CHECK(few.data()[i] == weight.data()[i]);
    CHECK(few.data()[2 * size + i] == -weight.data()[i]);
  }
}

TEST_CASE("a symmetric matrix is decomposed into its eigenvectors") {
  const auto [values, vectors] = symmetric_eigen(Tensor<double>({2, 2}, {2, 99, 1, 2}));
  require_close(values, Tensor<double>({2}, {3, 1}), 1e-14);
  CHECK(vectors(0, 0) == Approx(std::sqrt(0.5)));
  CHECK(vectors(0, 1) == Approx(std::sqrt(0.5)));
  CHECK(std::abs(vectors(1, 0) + vectors(1, 1)) < 1e-14);
  CHECK_THROWS_WITH(symmetric_eigen(Tensor<double>::zeros({2, 3})),
                    "symmetric_eigen: expected a square matrix, got (2, 3)");
  CHECK_THROWS_WITH(symmetric_eigen(Tensor<double>::full({2, 2}, std::nan(""))),
                    "symmetric_eigen: expected a finite matrix, got one that has no eigenvalues");
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
  CHECK_THROWS_WITH(init::dirac(vector),
                    "dirac: expected the weight (O, C, K...) of a convolution of 1 groups, got "
                    "(3,)");
  CHECK_THROWS_WITH(init::dirac(cube, 2),
                    "dirac: expected the weight (O, C, K...) of a convolution of 2 groups, got (3, "
                    "3, 3)");
  CHECK_THROWS_WITH(init::trunc_normal(vector, random, {.low = 2, .high = 2}),
                    "trunc_normal: expected bounds in order, got 2 and 2");
  CHECK_THROWS_WITH(init::trunc_normal(vector, random, {.mean = 5}),
                    "trunc_normal: expected a mean within two deviations of -2 to 2, got a mean of "
                    "5 and a deviation of 1");
  Tensor<float> odd({3, 1, 2, 2});
  Tensor<float> filters({4, 1, 2, 2});
  const auto images = Tensor<float>::ones({2, 3, 3, 1});
  CHECK_THROWS_WITH(init::whitening(odd, images),
                    "whitening: expected a weight (O, C, KH, KW) of an even O up to 2 C KH KW, got "
                    "(3, 1, 2, 2)");
  CHECK_THROWS_WITH(init::whitening(filters, Tensor<float>::ones({2, 3, 1, 1})),
                    "whitening: expected images (N, H, W, C) for a weight (4, 1, 2, 2), got (2, 3, "
                    "1, 1)");
  CHECK_THROWS_WITH(init::whitening(filters, images, {.epsilon = 0}),
                    "whitening: expected a positive epsilon, got 0");
  CHECK_THROWS_WITH(init::uniform(vector, random, 2, 1),
                    "uniform: expected bounds in order, got 2 and 1");
}
