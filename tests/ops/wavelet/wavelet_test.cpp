#include "cnnrnn/ops/wavelet.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cnnrnn/nn/wavelet.hpp"
#include "cnnrnn/ops/wavelet_levels.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

// The names of tests/fixtures/generate/wavelet.py.
const std::vector<std::string> images{"even", "odd", "tiny"};

std::string name_of(const WaveletOptions& options) {
  const bool periodic = options.extension == WaveletExtension::periodic;
  return std::string(options.wavelet.name) + (periodic ? "/periodic" : "/symmetric");
}

/// Every wavelet with every extension.
std::vector<WaveletOptions> all_options() {
  std::vector<WaveletOptions> options;
  for (const Wavelet& wavelet : wavelets::all) {
    options.push_back({wavelet, WaveletExtension::periodic});
    options.push_back({wavelet, WaveletExtension::symmetric});
  }
  return options;
}

Size2d size_of(const Tensor<double>& x) { return {x.dim(1), x.dim(2)}; }

template <class T>
void compare_pywavelets(double tolerance) {
  const Fixture fixture("wavelet");
  for (const auto& image : images) {
    const auto x = fixture.get<T>(image + "/x");
    for (const auto& options : all_options()) {
      const auto path = image + "/" + name_of(options);
      CAPTURE(path);
      require_close(dwt2d(Variable<T>(x), options).value(), fixture.get<T>(path + "/y"), tolerance);
      const auto inverse = idwt2d(Variable<T>(fixture.get<T>(path + "/z")), options);
      require_close(inverse.value(), fixture.get<T>(path + "/inverse"), tolerance);
    }
  }
}

/// Each wavelet and extension on odd sizes, and on many blocks; `make` makes a case.
template <class Make>
std::vector<OpCase> with_all_options(const Make& make) {
  std::vector<OpCase> all;
  for (const auto& options : all_options()) {
    for (const Shape& shape : {Shape{1, 4, 6, 2}, {2, 3, 5, 1}, {1, 1, 2, 9}, {3, 41, 37, 19}}) {
      auto& c = all.emplace_back(make(options, shape));
      c.name = to_message(name_of(options), ' ', shape);
      c.gradcheck = shape.size() > 1000 ? Gradcheck::too_large : Gradcheck::yes;
    }
  }
  return all;
}

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

}  // namespace

TEST_CASE("wavelet filters are orthonormal to their shifts and have their vanishing moments") {
  for (const Wavelet& wavelet : wavelets::all) {
    CAPTURE(wavelet.name);
    const auto h = [&](Index k) {
      return k < wavelet.taps ? wavelet.scaling[static_cast<std::size_t>(k)] : 0.0;
    };
    for (Index shift = 0; shift < wavelet.taps; shift += 2) {
      double product = 0;
      for (Index k = 0; k < wavelet.taps; ++k) {
        product += h(k) * h(k + shift);
      }
      CHECK(std::abs(product - (shift == 0 ? 1 : 0)) < 1e-15);
    }
    for (Index moment = 0; moment < wavelet.taps / 2; ++moment) {
      double sum = 0;
      for (Index k = 0; k < wavelet.taps; ++k) {
        sum += (k % 2 == 0 ? 1 : -1) * h(k) * std::pow(static_cast<double>(k), moment);
      }
      CHECK(std::abs(sum) < 1e-13);
    }
  }
}

TEST_CASE("dwt2d and idwt2d agree with PyWavelets") {
  compare_pywavelets<double>(1e-12);
  compare_pywavelets<float>(1e-5);
}

TEST_CASE("idwt2d gives the image back") {
  for (const auto& options : all_options()) {
    for (const Shape& shape : {Shape{2, 8, 12, 5}, {1, 7, 9, 3}, {1, 1, 1, 1}, {2, 1, 6, 17}}) {
      CAPTURE(name_of(options), shape);
      const auto x = random_tensor<double>(shape, 3);
      const auto again = idwt2d(dwt2d(Variable<double>(x), options), options, size_of(x));
      require_close(again.value(), x, 1e-12);
    }
  }
}

TEST_CASE("waverec2d gives the image back, and wavedec2d agrees with PyWavelets") {
  const Fixture fixture("wavelet");
  const auto x = fixture.get<double>("pyramid/x");
  for (const auto& options : all_options()) {
    CAPTURE(name_of(options));
    const auto levels = wavedec2d(Variable<double>(x), 3, options);
    require_close(waverec2d(levels, options, size_of(x)).value(), x, 1e-12);
    const auto path = "pyramid/" + name_of(options);
    if (fixture.has(path + "/approximation")) {
      require_close(levels.approximation.value(), fixture.get<double>(path + "/approximation"),
                    1e-12);
      REQUIRE(levels.details.size() == 3);
      for (std::size_t k = 0; k < 3; ++k) {
        require_close(levels.details[k].value(),
                      fixture.get<double>(to_message(path, "/details", k)), 1e-12);
      }
    }
  }
}

TEST_CASE("dwt2d") {
  auto all = with_all_options([](const WaveletOptions& options, const Shape& shape) {
    return OpCase{
        "", {random_tensor<double>(shape, 1)}, [=](const auto& v) { return dwt2d(v[0], options); }};
  });
  all.push_back({"Haar's sums and differences: LL, LH, HL, HH",
                 {Tensor<double>({1, 2, 2, 1}, {1, 2, 4, 8})},
                 [](const auto& v) { return dwt2d(v[0]); },
                 [](const Tensors<double>&) {
                   return Tensor<double>({1, 1, 1, 4}, {7.5, -4.5, -2.5, 1.5});
                 }});
  check_op("dwt2d", all,
           {throws<ShapeError>(
                [] {
                  dwt2d(ones({4, 4, 3}));
                },
                "dwt2d: expected x (N, H, W, C) with pixels, got (4, 4, 3)"),
            throws<ShapeError>(
                [] {
                  dwt2d(ones({1, 0, 4, 3}));
                },
                "dwt2d: expected x (N, H, W, C) with pixels, got (1, 0, 4, 3)"),
            throws<ValueError>(
                [] {
                  dwt2d(ones({1, 2, 2, 1}), {Wavelet{"three", 3, {}}});
                },
                "dwt2d: expected a wavelet of 2 to 8 taps, an even number, got 3")});
}

TEST_CASE("idwt2d") {
  const auto all = with_all_options([](const WaveletOptions& options, const Shape& shape) {
    const auto x = random_tensor<double>(shape, 1);
    return OpCase{"",
                  {dwt2d(Variable<double>(x), options).value()},
                  [=](const auto& v) {
                    return idwt2d(v[0], options, {shape[1], shape[2]});
                  },
                  [=](const Tensors<double>&) { return x; }};
  });
  check_op("idwt2d", all,
           {throws<ShapeError>(
                [] {
                  idwt2d(ones({1, 2, 2, 6}));
                },
                "idwt2d: expected y (N, H, W, 4C) with pixels, got (1, 2, 2, 6)"),
            throws<ShapeError>(
                [] {
                  idwt2d(ones({1, 2, 2, 4}), {}, {4, 2});
                },
                "idwt2d: expected an image of 4 pixels or one less from (1, 2, 2, 4), got 2"),
            throws<ShapeError>(
                [] {
                  idwt2d(ones({1, 2, 3, 4}), {wavelets::db3, WaveletExtension::symmetric});
                },
                "idwt2d: expected sub-bands of at least 3 pixels for db3, got (1, 2, 3, 4)")});
}

TEST_CASE("wavedec2d") {
  const WaveletOptions options{wavelets::db2};
  const Wavelet none{};
  check_op(
      "wavedec2d",
      {{"two levels",
        {random_tensor<double>({1, 7, 6, 2}, 1)},
        [=](const auto& v) {
          const auto levels = wavedec2d(v[0], 2, options);
          return std::vector{levels.approximation, levels.details[0], levels.details[1]};
        },
        [=](const Tensors<double>& in) {
          const auto outer = dwt2d<double>(in[0], options);
          const auto inner = dwt2d(slice(outer, 3, 0, 2), options);
          return std::vector{slice(inner, 3, 0, 2), slice(inner, 3, 2, 6), slice(outer, 3, 2, 6)};
        }}},
      {throws<ValueError>(
           [] {
             wavedec2d(ones({1, 4, 4, 1}), 0);
           },
           "wavedec2d: expected a positive number of levels, got 0"),
       throws<ShapeError>(
           [] {
             wavedec2d(ones({4, 4, 3}), 1);
           },
           "wavedec2d: expected x (N, H, W, C) with pixels, got (4, 4, 3)"),
       throws<ValueError>(
           [=] {
             wavedec2d(ones({1, 4, 4, 3}), 1, {none});
           },
           "wavedec2d: expected a wavelet of 2 to 8 taps, an even number, got 0")});
}

TEST_CASE("waverec2d") {
  const WaveletOptions options{wavelets::db2};
  const auto x = random_tensor<double>({1, 7, 6, 2}, 1);
  const auto levels = wavedec2d(Variable<double>(x), 2, options);
  const auto recompose = [=](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    return waverec2d<T>({v[0], {v[1], v[2]}}, options, {7, 6});
  };
  const Wavelet none{};
  const auto bad = [](const Variable<float>& low, const std::vector<Variable<float>>& details,
                      Size2d size = 0, const WaveletOptions& how = {}) {
    return [=] { waverec2d(WaveletLevels<float>{low, details}, how, size); };
  };
  const auto low = ones({1, 2, 2, 1});
  const auto high = ones({1, 2, 2, 3});
  check_op(
      "waverec2d",
      {{"two levels",
        {levels.approximation.value(), levels.details[0].value(), levels.details[1].value()},
        recompose,
        [=](const Tensors<double>&) { return x; }}},
      {throws<ShapeError>(bad(ones({1, 1, 1, 1}), {}),
                          "waverec2d: expected the details of one level or more, got none"),
       throws<ValueError>(bad(low, {high}, 0, {none}),
                          "waverec2d: expected a wavelet of 2 to 8 taps, an even number, got 0"),
       throws<ShapeError>(
           bad(ones({2, 2, 1}), {high}),
           "waverec2d: expected an approximation (N, BH, BW, C) with pixels, got (2, 2, 1)"),
       throws<ShapeError>(
           bad(ones({1, 0, 2, 1}), {high}),
           "waverec2d: expected an approximation (N, BH, BW, C) with pixels, got (1, 0, 2, 1)"),
       throws<ShapeError>(bad(low, {ones({1, 2, 3, 3})}),
                          "waverec2d: expected details of shape (1, 2, 2, 3), got (1, 2, 3, 3)"),
       throws<ShapeError>(bad(low, {high, ones({4, 4, 3})}),
                          "waverec2d: expected details (N, BH, BW, 3C), got (4, 4, 3)"),
       throws<ShapeError>(bad(low, {high, ones({1, 4, 4, 4})}),
                          "waverec2d: expected details of shape (1, 4, 4, 3), got (1, 4, 4, 4)"),
       throws<ShapeError>(
           bad(low, {high, ones({1, 7, 7, 3})}),
           "waverec2d: expected an image of 4 pixels or one less from (1, 2, 2, 4), got 7"),
       throws<ShapeError>(
           bad(low, {high}, {2, 4}),
           "waverec2d: expected an image of 4 pixels or one less from (1, 2, 2, 4), got 2"),
       throws<ShapeError>(
           bad(low, {high}, 0, {wavelets::db3, WaveletExtension::symmetric}),
           "waverec2d: expected sub-bands of at least 3 pixels for db3, got (1, 2, 2, 4)")});
  CHECK(waverec2d(WaveletLevels<float>{low, {high, ones({1, 3, 4, 3})}}, {}, {5, 8}).shape() ==
        Shape{1, 5, 8, 1});
}

TEST_CASE("wavelet transforms take batches of nothing and images without channels") {
  CHECK(dwt2d(ones({0, 4, 4, 2})).shape() == Shape{0, 2, 2, 8});
  CHECK(dwt2d(ones({2, 4, 4, 0})).shape() == Shape{2, 2, 2, 0});
  CHECK(idwt2d(ones({0, 2, 2, 8})).shape() == Shape{0, 4, 4, 2});
}

TEST_CASE("a wavelet is found by its name") {
  CHECK(wavelet_named("haar").taps == 2);
  CHECK(wavelet_named("db1").name == "haar");
  CHECK(wavelet_named("db4").taps == 8);
  CHECK_THROWS_WITH(wavelet_named("db5"), "expected a wavelet of haar, db2, db3, db4, got db5");
}

TEST_CASE("WaveletTransform") {
  const WaveletOptions options{wavelets::db2, WaveletExtension::symmetric};
  check_op("WaveletTransform",
           {{"db2",
             {random_tensor<double>({1, 4, 6, 3}, 1)},
             layer_op([=]<class T>(T, Random&) { return nn::WaveletTransform<T>(options); }),
             [=](const Tensors<double>& in) { return dwt2d<double>(in[0], options); }}},
           {throws<ValueError>(
               [] { nn::WaveletTransform<float>({Wavelet{}}); },
               "WaveletTransform: expected a wavelet of 2 to 8 taps, an even number, got 0")});
  nn::WaveletTransform<float> layer(options);
  CHECK(layer.describe() == "WaveletTransform(db2, symmetric)");
  CHECK(nn::WaveletTransform<float>().describe() == "WaveletTransform(haar, periodic)");
  CHECK(layer.parameters().empty());
}
