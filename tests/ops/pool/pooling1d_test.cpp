#include "cnnrnn/ops/pooling1d.hpp"

#include <span>
#include <string>
#include <vector>

#include "cnnrnn/nn/pooling1d.hpp"
#include "support/catch.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// Distinct values far enough apart that a small step never changes which is the largest.
Tensor<double> distinct(const Shape& shape) {
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.01 * static_cast<double>(i) - 1;
  }
  Random(7).shuffle(std::span(values));
  return Tensor<double>(shape, values);
}

/// Pooling of a single row of pixels by windows of one row.
template <class Pool>
Tensor<double> as_row(const Tensor<double>& x, const Pool& pool) {
  const auto y = pool(Variable<double>(x.reshape({x.dim(0), 1, x.dim(1), x.dim(2)}))).value();
  return y.reshape({y.dim(0), y.dim(2), y.dim(3)});
}

Op max_op(const Pool1dOptions& options) {
  return [=](const auto& v) { return max_pool1d(v[0], options); };
}

Op avg_op(const AvgPool1dOptions& options) {
  return [=](const auto& v) { return avg_pool1d(v[0], options); };
}

AvgPool1dOptions average(const Pool1dOptions& o, bool count_include_pad) {
  return {o.kernel, o.stride, o.padding, o.ceil_mode, count_include_pad};
}

// The cases of tests/fixtures/generate/conv1d.py.
struct Case {
  std::string name;
  Pool1dOptions options;
};
const std::vector<Case> cases{
    {"halves", {.kernel = 2}},
    {"overlapping", {.kernel = 3, .stride = 2, .padding = 1}},
    {"ceil", {.kernel = 5, .stride = 3, .padding = 2, .ceil_mode = true}},
};

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

/// What is thrown by both kinds of pooling for the same reasons, those of the options last.
template <class Pool>
std::vector<BadCall> bad_windows(const std::string& name, Pool pool) {
  const auto window = [=](Index kernel, Index stride, Index padding) {
    return [=] { pool(ones({1, 8, 2}), kernel, stride, padding); };
  };
  return {throws<ShapeError>(
              [=] {
                pool(ones({1, 8, 2, 1}), 2, 0, 0);
              },
              name + ": expected x (N, T, C), got (1, 8, 2, 1)"),
          throws<ShapeError>(
              [=] {
                pool(ones({2, 1, 4}), 4, 0, 1);
              },
              name + ": expected at least as many steps as the kernel 4, got (2, 1, 4) with "
                     "padding 1"),
          throws<ValueError>(window(0, 0, 0), name + ": expected a positive kernel, got 0"),
          throws<ValueError>(window(2, -1, 0),
                             name + ": expected a positive stride, or 0 for the kernel's size, got "
                                    "-1"),
          throws<ValueError>(window(3, 0, 2),
                             name + ": expected a padding of 0 to half the kernel 3, got 2")};
}

template <class Pool>
std::vector<BadCall> bad_options(const std::string& name, Pool pool) {
  auto bad = bad_windows(name, pool);
  bad.erase(bad.begin(), bad.begin() + 2);  // those of the shape are the op's
  return bad;
}

}  // namespace

TEST_CASE("max_pool1d") {
  std::vector<OpCase> all;
  for (const Case& one : cases) {
    all.push_back(pytorch_case(Fixture("conv1d"), "max/" + one.name, {"x"}, max_op(one.options)));
    all.push_back({"row " + one.name,
                   {distinct({2, 11, 3})},
                   max_op(one.options),
                   [o = one.options](const Tensors<double>& in) {
                     return as_row(in[0], [&](const auto& x) {
                       return max_pool2d(x, {.kernel = {1, o.kernel},
                                             .stride = {1, o.stride},
                                             .padding = {0, o.padding},
                                             .ceil_mode = o.ceil_mode});
                     });
                   }});
  }
  all.push_back({"long windows", {distinct({1, 400, 2})}, max_op({.kernel = 300, .stride = 7})});
  auto bad =
      bad_windows("max_pool1d", [](const auto& x, Index kernel, Index stride, Index padding) {
        max_pool1d(x, {kernel, stride, padding});
      });
  bad.push_back(throws<ValueError>(
      [] {
        max_pool1d(ones({1, 20000000, 0}), {.kernel = 20000000});
      },
      "max_pool1d: expected a kernel of at most 16777216 elements, got 20000000"));
  check_op("max_pool1d", all, bad);
}

TEST_CASE("avg_pool1d") {
  std::vector<OpCase> all;
  for (const Case& one : cases) {
    for (const bool padded : {false, true}) {
      const auto op = avg_op(average(one.options, padded));
      const std::string name = (padded ? "avg/" : "avg_inside/") + one.name;
      all.push_back(pytorch_case(Fixture("conv1d"), name, {"x"}, op));
      all.push_back({"row " + one.name, {distinct({2, 11, 3})}, op});
    }
  }
  check_op("avg_pool1d", all,
           bad_windows("avg_pool1d", [](const auto& x, Index kernel, Index stride, Index padding) {
             avg_pool1d(x, {kernel, stride, padding});
           }));
}

TEST_CASE("in ceil mode a sequence may be shorter than the kernel") {
  const Variable<float> x(Tensor<float>({1, 2, 1}, {1, 3}));
  CHECK(max_pool1d(x, {.kernel = 3, .ceil_mode = true}).item() == 3);
  CHECK(avg_pool1d(x, {.kernel = 3, .ceil_mode = true}).item() == 2);
}

TEST_CASE("pooling layers of sequences") {
  const auto x = distinct({2, 9, 3});
  check_op("MaxPool1d",
           {{"overlapping",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::MaxPool1d<T>({.kernel = 3, .stride = 2, .padding = 1});
             }),
             [](const Tensors<double>& in) {
               return max_pool1d<double>(in[0], {.kernel = 3, .stride = 2, .padding = 1});
             }}},
           bad_options("MaxPool1d", [](const auto&, Index kernel, Index stride, Index padding) {
             nn::MaxPool1d<float>({kernel, stride, padding});
           }));
  check_op("AvgPool1d",
           {{"padding not counted",
             {x},
             layer_op([]<class T>(T, Random&) {
               return nn::AvgPool1d<T>({.kernel = 3, .padding = 1, .count_include_pad = false});
             }),
             [](const Tensors<double>& in) {
               return avg_pool1d<double>(in[0],
                                         {.kernel = 3, .padding = 1, .count_include_pad = false});
             }}},
           bad_options("AvgPool1d", [](const auto&, Index kernel, Index stride, Index padding) {
             nn::AvgPool1d<float>({kernel, stride, padding});
           }));
}

TEST_CASE("pooling layers of sequences describe themselves") {
  using std::string;
  CHECK(nn::MaxPool1d<float>().describe() == string("MaxPool1d(kernel 2, stride 2)"));
  CHECK(nn::MaxPool1d<float>({.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true})
            .describe() == string("MaxPool1d(kernel 3, stride 2, padding 1, ceil mode)"));
  CHECK(nn::AvgPool1d<float>({.count_include_pad = false}).describe() ==
        string("AvgPool1d(kernel 2, stride 2, padding not counted)"));
}
