// The ops that put images on another grid: pad2d, upsample_bilinear2d, upsample_nearest2d.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/nn/pad2d.hpp"
#include "cnnrnn/nn/upsample.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

// The cases of tests/fixtures/generate/resample.py.
struct Case {
  std::string name;
  UpsampleNearestOptions options;
};
const std::vector<Case> sizes{
    {"twice", {.scale_factor = 2}},
    {"by_parts", {.scale_factor = {1.5, 2.3}}},
    {"recomputed", {.scale_factor = {1.5, 2.3}, .recompute_scale_factor = true}},
    {"size", {.size = {7, 5}}},
    {"smaller", {.size = {4, 3}}},
    {"shrunk", {.scale_factor = 0.6}},
    {"equal", {.size = {3, 4}}},
    {"pixel", {.size = {3, 2}}},
    {"to_pixel", {.size = 1}},
};
struct PadCase {
  std::string name;
  Padding rows, columns;
};
const std::vector<PadCase> paddings{
    {"pad", {3, 0}, {1, 2}}, {"pad_most", {2, 2}, {3, 3}}, {"pad_row", {0, 0}, {0, 3}}};
const std::vector<std::pair<std::string, PadMode>> pad_modes{
    {"zeros", PadMode::zeros}, {"reflect", PadMode::reflect}, {"replicate", PadMode::replicate}};

Variable<float> ones(const Shape& shape) { return Variable<float>(Tensor<float>::ones(shape)); }

UpsampleBilinearOptions bilinear(const UpsampleNearestOptions& options, bool align_corners) {
  return {options.size, options.scale_factor, align_corners, options.recompute_scale_factor};
}

Op nearest_op(const UpsampleNearestOptions& options) {
  return [=](const auto& v) { return upsample_nearest2d(v[0], options); };
}
Op bilinear_op(const UpsampleBilinearOptions& options) {
  return [=](const auto& v) { return upsample_bilinear2d(v[0], options); };
}
Op pad_op(const Pad2dOptions& options) {
  return [=](const auto& v) { return pad2d(v[0], options); };
}

OpCase pytorch(const std::string& name, const Op& op) {
  return pytorch_case(Fixture("resample"), name, {"x"}, op);
}

/// Many channels, and more than one block.
OpCase large(const Op& op) {
  return {"many channels",     {random_tensor<double>({3, 13, 14, 77}, 1)}, op, {}, {},
          Gradcheck::too_large};
}

/// y(n, p, q, c) = pixel(n, p, q, c) of that shape.
template <class Pixel>
Tensor<double> image(const Shape& shape, const Pixel& pixel) {
  Tensor<double> y(shape);
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index p = 0; p < shape[1]; ++p) {
      for (Index q = 0; q < shape[2]; ++q) {
        for (Index c = 0; c < shape[3]; ++c) {
          y.mutable_at(n, p, q, c) = pixel(n, p, q, c);
        }
      }
    }
  }
  return y;
}

/// Bilinear interpolation at row p and column q of an image, which may be between its pixels.
double between(const Tensor<double>& x, Index n, double p, double q, Index c) {
  const auto mix = [](double place, Index size, const auto& at) {
    const double inside = std::min(std::max(place, 0.0), static_cast<double>(size - 1));
    const auto low = static_cast<Index>(std::floor(inside));
    const double part = inside - static_cast<double>(low);
    return (1 - part) * at(low) + part * at(std::min(low + 1, size - 1));
  };
  return mix(p, x.dim(1), [&](Index row) {
    return mix(q, x.dim(2), [&](Index column) { return x(n, row, column, c); });
  });
}

template <class Upsample>
std::vector<BadCall> bad_sizes(const std::string& name, Upsample upsample) {
  const auto call = [=](const Shape& x, const UpsampleNearestOptions& options) {
    return [=] { upsample(ones(x), options); };
  };
  const Shape x{1, 3, 3, 1};
  return {
      throws<ValueError>(call(x, {}),
                         name + ": expected either a size or a scale factor, got neither"),
      throws<ValueError>(call(x, {.size = 2, .scale_factor = 2}),
                         name + ": expected either a size or a scale factor, got both"),
      throws<ValueError>(call(x, {.size = {2, 0}}), name + ": expected a positive size, got 2x0"),
      throws<ValueError>(call(x, {.scale_factor = {2, -1}}),
                         name + ": expected positive scale factors, got 2x-1"),
      throws<ValueError>(call(x, {.scale_factor = {2, std::numeric_limits<double>::infinity()}}),
                         name + ": expected positive scale factors, got 2xinf")};
}

/// Those that only an image has.
template <class Upsample>
std::vector<BadCall> bad_images(const std::string& name, Upsample upsample) {
  auto all = bad_sizes(name, upsample);
  all.push_back(throws<ShapeError>(
      [=] {
        upsample(ones({2, 3}), {.size = 2});
      },
      name + ": expected x (N, H, W, C) with pixels, got (2, 3)"));
  all.push_back(throws<ShapeError>(
      [=] {
        upsample(ones({2, 3, 0, 1}), {.size = 2});
      },
      name + ": expected x (N, H, W, C) with pixels, got (2, 3, 0, 1)"));
  all.push_back(throws<ShapeError>(
      [=] {
        upsample(ones({2, 3, 4, 1}), {.scale_factor = 0.3});
      },
      name +
          ": expected an image of at least one pixel after scaling by 0.3x0.3, got (2, 3, 4, 1)"));
  all.push_back(throws<ValueError>(
      [=] {
        upsample(ones({1, 1, 1, 1}), {.scale_factor = {1, 1e18}});
      },
      name + ": expected a scale factor that makes fewer than 1000000000 rows and columns of "
             "(1, 1, 1, 1), got 1x1e+18"));
  return all;
}

}  // namespace

TEST_CASE("upsample_nearest2d") {
  std::vector<OpCase> all;
  for (const auto& [name, options] : sizes) {
    all.push_back(pytorch(name + "/nearest", nearest_op(options)));
  }
  all.push_back({"odd channels, three times the size",
                 {random_tensor<double>({1, 3, 2, 9}, 1)},
                 nearest_op({.scale_factor = 3}),
                 [](const Tensors<double>& in) {
                   return image({1, 9, 6, 9}, [&](Index n, Index p, Index q, Index c) {
                     return in[0](n, p / 3, q / 3, c);
                   });
                 }});
  all.push_back(large(nearest_op({.scale_factor = 2})));
  check_op(
      "upsample_nearest2d", all,
      bad_images("upsample_nearest2d", [](const auto& x, const UpsampleNearestOptions& options) {
        upsample_nearest2d(x, options);
      }));
}

TEST_CASE("upsample_bilinear2d") {
  std::vector<OpCase> all;
  for (const auto& [name, options] : sizes) {
    all.push_back(pytorch(name + "/bilinear", bilinear_op(bilinear(options, false))));
    all.push_back(pytorch(name + "/aligned", bilinear_op(bilinear(options, true))));
  }
  all.push_back({"odd channels",
                 {random_tensor<double>({2, 4, 3, 11}, 1)},
                 bilinear_op({.size = {6, 7}}),
                 [](const Tensors<double>& in) {
                   return image({2, 6, 7, 11}, [&](Index n, Index p, Index q, Index c) {
                     const double row = (static_cast<double>(p) + 0.5) * 4 / 6 - 0.5;
                     return between(in[0], n, row, (static_cast<double>(q) + 0.5) * 3 / 7 - 0.5, c);
                   });
                 }});
  all.push_back({"corners aligned",
                 {random_tensor<double>({2, 4, 3, 11}, 1)},
                 bilinear_op({.size = {7, 5}, .align_corners = true}),
                 [](const Tensors<double>& in) {
                   return image({2, 7, 5, 11}, [&](Index n, Index p, Index q, Index c) {
                     return between(in[0], n, static_cast<double>(p) / 2,
                                    static_cast<double>(q) / 2, c);
                   });
                 }});
  all.push_back(large(bilinear_op({.scale_factor = {2, 1.5}})));
  check_op(
      "upsample_bilinear2d", all,
      bad_images("upsample_bilinear2d", [](const auto& x, const UpsampleNearestOptions& options) {
        upsample_bilinear2d(x, bilinear(options, false));
      }));
}

TEST_CASE("the nearest pixels are those of PyTorch, where rounding decides too") {
  const Fixture fixture("resample");
  const auto columns = [](Index width, const UpsampleNearestOptions& options) {
    Tensor<float> ramp({1, 1, width, 1});
    for (Index i = 0; i < width; ++i) {
      ramp.mutable_at(0, 0, i, 0) = static_cast<float>(i);
    }
    return upsample_nearest2d(Variable<float>(ramp), options).value();
  };
  std::vector<float> by_width;
  std::vector<float> by_factor;
  for (const Index width : {1, 3, 7, 10, 29, 49}) {
    for (const Index outputs : {2, 3, 5, 11, 30, 63, 98, 147}) {
      std::ranges::copy(columns(width, {.size = {1, outputs}}).span(),
                        std::back_inserter(by_width));
    }
    for (const double factor : {1.1, 1.3, 1.7, 2.05, 2.5, 3.3, 0.7}) {
      if (static_cast<double>(width) * factor >= 1) {
        std::ranges::copy(columns(width, {.scale_factor = {1, factor}}).span(),
                          std::back_inserter(by_factor));
      }
    }
  }
  CHECK(std::ranges::equal(by_width, fixture.get<float>("widths/columns").span()));
  CHECK(std::ranges::equal(by_factor, fixture.get<float>("factors/columns").span()));
}

TEST_CASE("Upsample") {
  const auto x = random_tensor<double>({2, 3, 4, 3}, 1);
  auto bad = bad_sizes("Upsample", [](const auto& /*x*/, const auto& options) {
    nn::Upsample<float>({.size = options.size, .scale_factor = options.scale_factor});
  });
  bad.push_back(
      throws<ValueError>([] { nn::Upsample<float>({.size = 2, .align_corners = true}); },
                         "Upsample: expected the mode bilinear to align corners, got nearest"));
  check_op("Upsample",
           {{"nearest",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::Upsample<T>({.scale_factor = {1.5, 2.3}});
             }),
             [](const Tensors<double>& in) {
               return upsample_nearest2d<double>(in[0], {.scale_factor = {1.5, 2.3}});
             }},
            {"bilinear",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::Upsample<T>({.scale_factor = {1.5, 2.3},
                                       .mode = nn::UpsampleMode::bilinear,
                                       .recompute_scale_factor = true});
             }),
             [](const Tensors<double>& in) {
               return upsample_bilinear2d<double>(
                   in[0], {.scale_factor = {1.5, 2.3}, .recompute_scale_factor = true});
             }},
            {"corners aligned",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::Upsample<T>(
                   {.size = 5, .mode = nn::UpsampleMode::bilinear, .align_corners = true});
             }),
             [](const Tensors<double>& in) {
               return upsample_bilinear2d<double>(in[0], {.size = 5, .align_corners = true});
             }}},
           bad);
  CHECK(nn::Upsample<float>({.scale_factor = {2, 1.5}}).describe() ==
        "Upsample(scale factor 2x1.5, nearest)");
  CHECK(nn::Upsample<float>(
            {.size = {4, 6}, .mode = nn::UpsampleMode::bilinear, .align_corners = true})
            .describe() == "Upsample(size 4x6, bilinear, corners aligned)");
  CHECK(nn::Upsample<float>({.scale_factor = 2, .recompute_scale_factor = true}).describe() ==
        "Upsample(scale factor 2x2, nearest, scale factor recomputed)");
}

TEST_CASE("pad2d") {
  std::vector<OpCase> all;
  for (const auto& [name, rows, columns] : paddings) {
    for (const auto& [mode_name, mode] : pad_modes) {
      all.push_back(pytorch(name + '/' + mode_name, pad_op({rows, columns, mode})));
    }
  }
  for (const auto& [mode_name, mode] : pad_modes) {
    all.push_back(large(pad_op({{2, 1}, {0, 3}, mode})));
    all.back().name += ", " + mode_name;
  }
  const auto bad = [](const Shape& x, const Pad2dOptions& options) {
    return [=] { pad2d(ones(x), options); };
  };
  check_op(
      "pad2d", all,
      {throws<ShapeError>(bad({2, 3}, {}), "pad2d: expected x (N, H, W, C), got (2, 3)"),
       throws<ValueError>(bad({1, 2, 2, 1}, {{1, -1}, {0, 2}}),
                          "pad2d: expected paddings of 0 or more, got 1 and -1 for rows, 0 and 2 "
                          "for columns"),
       throws<ShapeError>(bad({1, 3, 4, 1}, {{3, 0}, {}, PadMode::reflect}),
                          "pad2d: expected paddings smaller than axis 1 to reflect, got 3 and 0 "
                          "for (1, 3, 4, 1)"),
       throws<ShapeError>(bad({1, 3, 4, 1}, {{}, {0, 4}, PadMode::reflect}),
                          "pad2d: expected paddings smaller than axis 2 to reflect, got 0 and 4 "
                          "for (1, 3, 4, 1)"),
       throws<ShapeError>(bad({1, 0, 4, 1}, {{1, 0}, {}, PadMode::replicate}),
                          "pad2d: expected pixels to replicate, got (1, 0, 4, 1)")});
  const auto around_nothing = pad2d(ones({1, 0, 2, 1}), {.rows = {1, 1}}).value();
  require_close(around_nothing, Tensor<float>::zeros({1, 2, 2, 1}), 0);
}

TEST_CASE("Pad2d") {
  const Pad2dOptions options{{1, 2}, {0, 1}, PadMode::reflect};
  check_op("Pad2d",
           {{"reflect",
             {random_tensor<double>({1, 3, 4, 3}, 1)},
             layer_op([=]<class T>(T, Random&) { return nn::Pad2d<T>(options); }),
             [=](const Tensors<double>& in) { return pad2d<double>(in[0], options); }}},
           {throws<ValueError>(
               [] {
                 nn::Pad2d<float>({.columns = {-1, 0}});
               },
               "Pad2d: expected paddings of 0 or more, got 0 and 0 for rows, -1 and "
               "0 for columns")});
  CHECK(nn::Pad2d<float>(options).describe() == "Pad2d(rows 1 and 2, columns 0 and 1, reflect)");
  CHECK(nn::Pad2d<float>({}).describe() == "Pad2d(rows 0 and 0, columns 0 and 0, zeros)");
  CHECK(nn::Pad2d<float>({.mode = PadMode::replicate}).describe() ==
        "Pad2d(rows 0 and 0, columns 0 and 0, replicate)");
}

TEST_CASE("an empty batch is resampled to an empty batch") {
  CHECK(upsample_nearest2d(ones({0, 2, 2, 3}), {.scale_factor = 2}).shape() == Shape{0, 4, 4, 3});
  CHECK(pad2d(ones({0, 2, 2, 3}), {.rows = {1, 1}}).shape() == Shape{0, 4, 2, 3});
}

TEST_CASE("what is only copied keeps its bits") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Variable<float> x(Tensor<float>({1, 1, 2, 1}, {infinity, 1}));
  const auto y = upsample_bilinear2d(x, {.size = {1, 4}}).value();
  CHECK(y(0, 0, 0, 0) == infinity);
  CHECK(y(0, 0, 3, 0) == 1);  // a weight of 0 would have made NaN
}
