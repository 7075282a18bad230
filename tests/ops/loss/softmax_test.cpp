// Softmax, its logarithm, and the losses.
#include "cnnrnn/ops/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/softmax.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/ops/mse_loss.hpp"
#include "cnnrnn/ops/nll_loss.hpp"
#include "cnnrnn/ops/pairwise_loss.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// Over the last axis.
Tensor<double> definition(const Tensor<double>& x, bool logarithm) {
  Tensor<double> y(x.shape());
  const Index k = x.dim(-1);
  for (Index row = 0; row < x.size() / k; ++row) {
    double sum = 0;
    for (Index i = 0; i < k; ++i) {
      sum += std::exp(x.data()[row * k + i]);
    }
    for (Index i = 0; i < k; ++i) {
      const double p = std::exp(x.data()[row * k + i]) / sum;
      y.mutable_data()[row * k + i] = logarithm ? std::log(p) : p;
    }
  }
  return y;
}

/// PyTorch's cases, all axes, and rows of any length; `along` makes an op of the axis.
template <class Along>
std::vector<OpCase> softmax_cases(const std::string& name, bool logarithm, const Along& along) {
  const Fixture fixture("losses");
  std::vector<OpCase> cases;
  for (const auto& [path, axis] : std::vector<std::pair<std::string, Index>>{
           {"rows", -1}, {"one", -1}, {"front", 0}, {"middle", 1}, {"vector", 0}}) {
    cases.push_back(pytorch_case(fixture, name + '_' + path, {"x"}, along(axis)));
    cases.back().gradcheck = path == "one" ? Gradcheck::all_zero : Gradcheck::yes;
  }
  for (const Index axis : {-1, 0, 1}) {
    cases.push_back(
        {to_message("axis ", axis), {random_tensor<double>({3, 5, 9}, 1)}, along(axis)});
  }
  cases.push_back({"small", {random_tensor<double>({2, 3}, 1)}, along(-1)});
  for (const Index k : {1, 2, 7, 8, 9, 31, 64, 1001}) {
    cases.push_back({to_message("rows of ", k),
                     {random_tensor<double>({70, k}, 1)},
                     along(-1),
                     [=](const Tensors<double>& in) { return definition(in[0], logarithm); },
                     {1e-13, 1e-5},
                     Gradcheck::too_large});
  }
  return cases;
}

// The cases of tests/fixtures/generate/losses.py.
const std::vector<std::pair<std::string, double>> losses{
    {"plain", 0}, {"smooth", 0.1}, {"many", 0}, {"one", 0}, {"all_smooth", 1}};

Tensor<Index> some_labels(Index rows, Index classes) {
  Random random(3);
  Tensor<Index> labels({rows});
  for (Index& label : labels.mutable_span()) {
    label = random.below(classes);
  }
  return labels;
}

Op cross_entropy_op(const Tensor<Index>& labels, const CrossEntropyOptions& options) {
  return [=](const auto& v) { return cross_entropy(v[0], labels, options); };
}

/// Plain loops; without weights all are 1.
Tensor<double> cross_entropy_of(const Tensor<double>& x, const Tensor<Index>& labels,
                                const CrossEntropyOptions& options) {
  const auto p = definition(x, true);
  const double s = options.label_smoothing;
  const auto weight = [&](Index k) {
    return options.weight.empty() ? 1 : options.weight[static_cast<std::size_t>(k)];
  };
  auto of_rows = Tensor<double>::zeros({x.dim(0)});
  double sum = 0;
  double weights = 0;
  for (Index row = 0; row < x.dim(0); ++row) {
    if (labels(row) == options.ignore_index) {
      continue;
    }
    double& loss = of_rows.mutable_at(row);
    loss -= (1 - s) * weight(labels(row)) * p(row, labels(row));
    for (Index k = 0; k < x.dim(1); ++k) {
      loss -= s / static_cast<double>(x.dim(1)) * weight(k) * p(row, k);
    }
    sum += loss;
    weights += weight(labels(row));
  }
  if (options.reduction == Reduction::none) {
    return of_rows;
  }
  return Tensor<double>::scalar(options.reduction == Reduction::sum ? sum : sum / weights);
}

OpCase cross_entropy_case(const std::string& name, Index rows, Index classes,
                          const CrossEntropyOptions& options, Gradcheck gradcheck) {
  const auto labels = some_labels(rows, classes);
  return {to_message(rows, " rows, ", name),
          {random_tensor<double>({rows, classes}, 1)},
          cross_entropy_op(labels, options),
          [=](const Tensors<double>& in) { return cross_entropy_of(in[0], labels, options); },
          {},
          gradcheck};
}

/// PyTorch's cases with weights, ignored labels and other reductions than the mean.
std::vector<OpCase> cross_entropy_options_cases(const Fixture& fixture) {
  std::vector<OpCase> cases;
  for (const auto& [name, options] : std::vector<std::pair<std::string, CrossEntropyOptions>>{
           {"weight", {}},
           {"weight_smooth", {.label_smoothing = 0.3}},
           {"ignore", {}},
           {"ignore_smooth", {.label_smoothing = 0.2}},
           {"weight_ignore_smooth", {.label_smoothing = 0.2}},
           {"sum", {.label_smoothing = 0.1, .reduction = Reduction::sum}},
           {"none", {.label_smoothing = 0.1, .reduction = Reduction::none}},
           {"none_one_row", {.reduction = Reduction::none}}}) {
    const std::string path = "cross_entropy_" + name;
    auto with_weight = options;
    if (!name.starts_with("ignore") && name != "none_one_row") {
      const auto weight = fixture.get<double>(path + "/weight");
      with_weight.weight.assign(weight.span().begin(), weight.span().end());
    }
    const auto labels = fixture.get<Index>(path + "/labels");
    cases.push_back(pytorch_case(fixture, path, {"x"}, cross_entropy_op(labels, with_weight)));
  }
  return cases;
}

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

}  // namespace

TEST_CASE("softmax and its logarithm") {
  check_op(
      "softmax",
      softmax_cases("softmax", false,
                    [](Index axis) { return [=](const auto& v) { return softmax(v[0], axis); }; }),
      {throws<ShapeError>(
          [] {
            softmax(ones({2, 3}), 2);
          },
          "softmax: expected an axis of (2, 3), got 2")});
  check_op("log_softmax",
           softmax_cases(
               "log_softmax", true,
               [](Index axis) { return [=](const auto& v) { return log_softmax(v[0], axis); }; }),
           {throws<ShapeError>([] { log_softmax(ones({})); },
                               "log_softmax: expected an axis of (), got -1")});
  CHECK(softmax(ones({0, 3})).shape() == Shape{0, 3});
  CHECK(softmax(ones({3, 0})).shape() == Shape{3, 0});
}

TEST_CASE("softmax and its logarithm as layers") {
  const auto x = random_tensor<double>({2, 3}, 1);
  check_op("Softmax", {{"a matrix",
                        {x},
                        layer_op([]<class T>(T, Random&) { return nn::Softmax<T>(); }),
                        [](const auto& in) { return softmax<double>(in[0]); }}});
  check_op("LogSoftmax", {{"the first axis",
                           {x},
                           layer_op([]<class T>(T, Random&) { return nn::LogSoftmax<T>(0); }),
                           [](const auto& in) { return log_softmax<double>(in[0], 0); }}});
  CHECK(nn::Softmax<float>().describe() == "Softmax(axis -1)");
  CHECK(nn::LogSoftmax<float>(0).describe() == "LogSoftmax(axis 0)");
}

TEST_CASE("cross_entropy") {
  const Fixture fixture("losses");
  const std::vector<double> four{0.5, 0, 2, 1};
  std::vector<OpCase> cases{
      cross_entropy_case("plain", 3, 4, {}, Gradcheck::yes),
      cross_entropy_case("smooth", 5, 11, {.label_smoothing = 0.2}, Gradcheck::yes),
      cross_entropy_case("smooth", 1003, 17, {.label_smoothing = 0.1}, Gradcheck::too_large),
      cross_entropy_case("a class ignored", 9, 4, {.ignore_index = 2}, Gradcheck::yes),
      cross_entropy_case("weights and a class ignored", 1003, 4,
                         {.label_smoothing = 0.1, .weight = four, .ignore_index = 0},
                         Gradcheck::too_large),
      cross_entropy_case("the sum", 9, 4, {.reduction = Reduction::sum}, Gradcheck::yes),
      cross_entropy_case("each", 1003, 4, {.weight = four, .reduction = Reduction::none},
                         Gradcheck::too_large)};
  for (auto& c : cross_entropy_options_cases(fixture)) {
    cases.push_back(std::move(c));
  }
  for (const auto& [path, smoothing] : losses) {
    const auto labels = fixture.get<Index>("cross_entropy_" + path + "/labels");
    auto& c =
        cases.emplace_back(pytorch_case(fixture, "cross_entropy_" + path, {"x"},
                                        cross_entropy_op(labels, {.label_smoothing = smoothing})));
    c.gradcheck = path == "one" ? Gradcheck::all_zero : Gradcheck::yes;
  }
  const auto bad = [](const Tensor<Index>& labels, double smoothing = 0) {
    return [=] { cross_entropy(ones({2, 3}), labels, {.label_smoothing = smoothing}); };
  };
  const auto weighted = [](const std::vector<double>& weight) {
    return [=] { cross_entropy(ones({1, 3}), Tensor<Index>({1}, {0}), {.weight = weight}); };
  };
  check_op("cross_entropy", cases,
           {throws<ValueError>(bad(Tensor<Index>({2}, {0, 3})),
                               "cross_entropy: expected labels of 0 to 2, got 3 in row 1"),
            throws<ValueError>(bad(Tensor<Index>({2}, {-1, 0})),
                               "cross_entropy: expected labels of 0 to 2, got -1 in row 0"),
            throws<ShapeError>(bad(Tensor<Index>({3}, {0, 1, 2})),
                               "cross_entropy: expected labels of shape (2,), got (3,)"),
            throws<ShapeError>(bad(Tensor<Index>()),
                               "cross_entropy: expected labels of shape (2,), got ()"),
            throws<ShapeError>(
                [] {
                  cross_entropy(ones({0, 3}), Tensor<Index>({0}));
                },
                "cross_entropy: expected logits (N, K), got (0, 3)"),
            throws<ValueError>(weighted({1, 2}),
                               "cross_entropy: expected a weight for each of 3 classes, got 2"),
            throws<ValueError>(weighted({1, -2, 1}),
                               "cross_entropy: expected finite weights of 0 or more, got -2"),
            throws<ValueError>(weighted({1, 2, std::nan("")}),
                               "cross_entropy: expected finite weights of 0 or more, got nan"),
            throws<ValueError>(weighted({1, 2, 1e300}),
                               "cross_entropy: expected finite weights of 0 or more, got 1e+300"),
            throws<ValueError>(bad(Tensor<Index>({2}, {0, 1}), 1.5),
                               "cross_entropy: expected a smoothing of 0 to 1, got 1.5")});
}

namespace {

template <class T>
Variable<T> soft_cross_entropy(const Variable<T>& x, const Tensor<double>& targets,
                               const CrossEntropyOptions& options) {
  Tensor<T> shares(targets.shape());
  std::ranges::transform(targets.span(), shares.mutable_data(),
                         [](double share) { return static_cast<T>(share); });
  return cross_entropy(x, shares, options);
}

Op soft_cross_entropy_op(const Tensor<double>& targets, const CrossEntropyOptions& options) {
  return [=](const auto& v) { return soft_cross_entropy(v[0], targets, options); };
}

/// Shares of each class, those of some rows 0.
Tensor<double> some_targets(Index rows, Index classes) {
  auto targets = definition(random_tensor<double>({rows, classes}, 5), false);
  std::fill_n(targets.mutable_data(), classes, rows > 1 ? 0.0 : 1.0 / static_cast<double>(classes));
  return targets;
}

/// Plain loops.
Tensor<double> soft_cross_entropy_of(const Tensor<double>& x, const Tensor<double>& targets,
                                     const CrossEntropyOptions& options) {
  const auto p = definition(x, true);
  double sum = 0;
  for (Index row = 0; row < x.dim(0); ++row) {
    for (Index k = 0; k < x.dim(1); ++k) {
      const double share = (1 - options.label_smoothing) * targets(row, k) +
                           options.label_smoothing / static_cast<double>(x.dim(1));
      sum -= share * p(row, k);
    }
  }
  return Tensor<double>::scalar(sum / static_cast<double>(x.dim(0)));
}

}  // namespace

TEST_CASE("cross_entropy of soft targets") {
  const Fixture fixture("soft_cross_entropy");
  std::vector<OpCase> cases;
  for (const auto& [name, options] : std::vector<std::pair<std::string, CrossEntropyOptions>>{
           {"plain", {}},
           {"smooth", {.label_smoothing = 0.2}},
           {"weight", {.label_smoothing = 0.3}},
           {"sum", {.label_smoothing = 0.1, .reduction = Reduction::sum}},
           {"none", {.reduction = Reduction::none}}}) {
    auto with_weight = options;
    if (name != "plain" && name != "smooth") {
      const auto weight = fixture.get<double>(name + "/weight");
      with_weight.weight.assign(weight.span().begin(), weight.span().end());
    }
    cases.push_back(
        pytorch_case(fixture, name, {"x"},
                     soft_cross_entropy_op(fixture.get<double>(name + "/targets"), with_weight)));
  }
  for (const Index rows : {1, 3, 200}) {
    const auto targets = some_targets(rows, 19);
    const CrossEntropyOptions options{.label_smoothing = 0.1};
    cases.push_back(
        {to_message(rows, " rows"),
         {random_tensor<double>({rows, 19}, 1)},
         soft_cross_entropy_op(targets, options),
         [=](const Tensors<double>& in) { return soft_cross_entropy_of(in[0], targets, options); },
         {},
         rows > 100 ? Gradcheck::too_large : Gradcheck::yes});
  }
  const auto bad = [](const Tensor<float>& targets, double smoothing = 0) {
    return [=] { cross_entropy(ones({2, 2}), targets, {.label_smoothing = smoothing}); };
  };
  check_op("cross_entropy", cases,
           {throws<ShapeError>(bad(Tensor<float>({2, 3})),
                               "cross_entropy: expected targets of shape (2, 2), got (2, 3)"),
            throws<ShapeError>(bad(Tensor<float>()),
                               "cross_entropy: expected targets of shape (2, 2), got ()"),
            throws<ValueError>(bad(Tensor<float>({2, 2}, {1, 0, 2, -1})),
                               "cross_entropy: expected finite targets of 0 or more, got -1 in row "
                               "1"),
            throws<ValueError>(bad(Tensor<float>::ones({2, 2}), -1),
                               "cross_entropy: expected a smoothing of 0 to 1, got -1")});
}

TEST_CASE("soft targets that are all in one class are labels") {
  const Variable<double> x(random_tensor<double>({3, 4}, 1));
  const Tensor<double> targets({3, 4}, {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1});
  const CrossEntropyOptions options{.label_smoothing = 0.2};
  CHECK(cross_entropy(x, targets, options).item() ==
        Approx(cross_entropy(x, Tensor<Index>({3}, {2, 0, 3}), options).item()));
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor<double> masked({1, 3}, {1, -infinity, 1});
  CHECK(cross_entropy<double>(masked, Tensor<double>({1, 3}, {1, 0, 0})).item() ==
        Approx(std::log(2.0)));
}

TEST_CASE("a class may weigh as much as the logits' type can hold") {
  const Tensor<Index> labels({1}, {2});
  const Variable<double> x(Tensor<double>::zeros({1, 3}), true);
  const auto loss = cross_entropy(x, labels, {.weight = {1, 1, 1e300}});
  CHECK(loss.item() == Approx(std::log(3.0)));
  loss.backward();
  CHECK(x.grad()(0, 2) == Approx(-2.0 / 3));
}

TEST_CASE("a cross-entropy of which no row counts is 0, and so are its gradients") {
  const auto check_zero = [](const Tensor<Index>& labels, const CrossEntropyOptions& options) {
    const Variable<float> x(random_tensor<float>({2, 3}, 1), true);
    const auto loss = cross_entropy(x, labels, options);
    CHECK(loss.item() == 0);
    loss.backward();
    CHECK(std::ranges::all_of(x.grad().span(), [](float g) { return g == 0; }));
  };
  check_zero(Tensor<Index>({2}, {-100, -100}), {});
  check_zero(Tensor<Index>({2}, {1, 1}), {.ignore_index = 1});
  check_zero(Tensor<Index>({2}, {1, 1}), {.label_smoothing = 0.5, .weight = {1, 0, 1}});
}

TEST_CASE("an ignored row hands nothing on, whatever its logits") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Variable<float> x(Tensor<float>({2, 2}, {nan, 1, 0, 0}), true);
  const auto loss = cross_entropy(x, Tensor<Index>({2}, {-100, 0}));
  CHECK(loss.item() == Approx(std::log(2.0)));
  loss.backward();
  CHECK(x.grad()(0, 0) == 0);
  CHECK(x.grad()(1, 0) == Approx(-0.5));
}

namespace {

Op mse_loss_op(Reduction reduction) {
  return [=](const auto& v) { return mse_loss(v[0], v[1], {.reduction = reduction}); };
}

}  // namespace

TEST_CASE("mse_loss") {
  const Fixture fixture("losses");
  std::vector<OpCase> cases{
      pytorch_case(fixture, "mse_loss", {"a", "b"},
                   [](const auto& v) { return mse_loss(v[0], v[1]); }),
      pytorch_case(fixture, "mse_loss_sum", {"a", "b"}, mse_loss_op(Reduction::sum)),
      pytorch_case(fixture, "mse_loss_none", {"a", "b"}, mse_loss_op(Reduction::none))};
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 5, 7}, Shape{30001}}) {
    for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      cases.push_back({to_message(shape, ", reduction ", static_cast<int>(reduction)),
                       {random_tensor<double>(shape, 1), random_tensor<double>(shape, 2)},
                       mse_loss_op(reduction),
                       [=](const Tensors<double>& in) {
                         Tensor<double> losses(in[0].shape());
                         double sum = 0;
                         for (Index i = 0; i < in[0].size(); ++i) {
                           const double loss = std::pow(in[0].data()[i] - in[1].data()[i], 2);
                           losses.mutable_data()[i] = loss;
                           sum += loss;
                         }
                         if (reduction == Reduction::none) {
                           return losses;
                         }
                         const auto count = static_cast<double>(in[0].size());
                         return Tensor<double>::scalar(reduction == Reduction::mean ? sum / count
                                                                                    : sum);
                       },
                       {},
                       shape.size() > 1000 ? Gradcheck::too_large : Gradcheck::yes});
    }
  }
  check_op("mse_loss", cases,
           {throws<ShapeError>([] { mse_loss(ones({2}), ones({3})); },
                               "mse_loss: expected two of the same shape, got (2,) and (3,)"),
            throws<ShapeError>([] { mse_loss(ones({0}), ones({0})); },
                               "mse_loss: expected one element or more, got (0,)")});
}

namespace {

const std::vector<std::pair<std::string, Reduction>> reductions{
    {"mean", Reduction::mean}, {"sum", Reduction::sum}, {"none", Reduction::none}};

}  // namespace

TEST_CASE("l1_loss") {
  std::vector<OpCase> cases;
  for (const auto& [name, reduction] : reductions) {
    const Op op = [reduction = reduction](const auto& v) {
      return l1_loss(v[0], v[1], {.reduction = reduction});
    };
    cases.push_back(pytorch_case(Fixture("losses"), "l1_loss_" + name, {"a", "b"}, op));
    cases.push_back({"many blocks, " + name,
                     {random_tensor<double>({30001}, 1), random_tensor<double>({30001}, 2)},
                     op,
                     {},
                     {},
                     Gradcheck::too_large});
  }
  check_op("l1_loss", cases,
           {throws<ShapeError>([] { l1_loss(ones({2}), ones({3})); },
                               "l1_loss: expected two of the same shape, got (2,) and (3,)"),
            throws<ShapeError>([] { l1_loss(ones({0}), ones({0})); },
                               "l1_loss: expected one element or more, got (0,)")});
  const Variable<float> x(Tensor<float>::ones({2}), true);
  l1_loss(x, ones({2})).backward();
  CHECK(x.grad()(0) == 0);
}

TEST_CASE("binary_cross_entropy_with_logits") {
  const Fixture fixture("losses");
  std::vector<OpCase> cases;
  const auto add = [&](const std::string& name, const BinaryCrossEntropyOptions& options) {
    const auto targets = fixture.get<double>("logistic_" + name + "/targets");
    cases.push_back(pytorch_case(fixture, "logistic_" + name, {"x"}, [=](const auto& v) {
      using T = typename std::decay_t<decltype(v[0])>::value_type;
      return binary_cross_entropy_with_logits(v[0], targets.template to<T>(), options);
    }));
  };
  for (const auto& [name, reduction] : reductions) {
    add(name, {.reduction = reduction});
  }
  add("weighted", {.positive_weight = 2.5});
  check_op("binary_cross_entropy_with_logits", cases,
           {throws<ShapeError>(
                [] { binary_cross_entropy_with_logits(ones({2}), Tensor<float>::ones({3})); },
                "binary_cross_entropy_with_logits: expected two of the same shape, got (2,) and "
                "(3,)"),
            throws<ValueError>(
                [] {
                  binary_cross_entropy_with_logits(ones({2}), Tensor<float>::ones({2}),
                                                   {.positive_weight = -1});
                },
                "binary_cross_entropy_with_logits: expected a positive weight of 0 or more, got "
                "-1")});
  const Variable<float> huge(Tensor<float>({2}, {1e6F, -1e6F}), true);
  const auto loss = binary_cross_entropy_with_logits(huge, Tensor<float>({2}, {0, 0}),
                                                     {.reduction = Reduction::none});
  CHECK(loss.value()(0) == 1e6F);
  CHECK(loss.value()(1) == 0);
  loss.backward(Tensor<float>::ones({2}));
  CHECK(huge.grad()(0) == 1);
  CHECK(huge.grad()(1) == 0);
}

TEST_CASE("nll_loss") {
  const Fixture fixture("losses");
  std::vector<OpCase> cases;
  for (const auto& [name, reduction] : reductions) {
    const auto labels = fixture.get<Index>("nll_loss_" + name + "/labels");
    const auto weight = fixture.get<double>("nll_loss_" + name + "/weight");
    const NllLossOptions options{.weight = {weight.data(), weight.data() + weight.size()},
                                 .reduction = reduction};
    cases.push_back(pytorch_case(fixture, "nll_loss_" + name, {"x"},
                                 [=](const auto& v) { return nll_loss(v[0], labels, options); }));
  }
  check_op("nll_loss", cases,
           {throws<ShapeError>([] { nll_loss(ones({2}), Tensor<Index>::zeros({2})); },
                               "nll_loss: expected logits (N, K), got (2,)"),
            throws<ValueError>(
                [] {
                  nll_loss(ones({1, 2}), Tensor<Index>({1}, {2}));
                },
                "nll_loss: expected labels of 0 to 1, got 2 in row 0")});
}

TEMPLATE_TEST_CASE("softmax stays finite for extreme inputs", "", float, double) {
  using T = TestType;
  const Tensor<T> x({2, 3}, {1000, 0, -1000, T(-1e30), T(-1e30), T(-1e30)});
  const T third = T(1) / 3;
  require_close(softmax<T>(x).value(), Tensor<T>({2, 3}, {1, 0, 0, third, third, third}), 1e-6);
  const T log3 = std::log(T(3));
  require_close(log_softmax<T>(x).value(),
                Tensor<T>({2, 3}, {0, -1000, -2000, -log3, -log3, -log3}), 1e-6);
}

TEST_CASE("softmax gives what is masked with -infinity nothing") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> x({3}, {1, -infinity, 1});
  require_close(softmax<float>(x).value(), Tensor<float>({3}, {0.5F, 0, 0.5F}), 1e-7);
  CHECK(log_softmax<float>(x).value()(1) == -infinity);
}

TEST_CASE("softmax hands NaN on to the whole row and no further") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto y = softmax<float>(Tensor<float>({2, 3}, {1, nan, 2, 0, 0, 0})).value();
  CHECK(std::isnan(y(0, 0)));
  CHECK(std::isnan(y(0, 2)));
  CHECK(y(1, 1) == Approx(1.0 / 3));
}

TEMPLATE_TEST_CASE("cross-entropy stays finite and exact for extreme logits", "", float, double) {
  using T = TestType;
  const Tensor<T> x({2, 3}, {1000, 0, -1000, T(1e30), T(1e30), T(1e30)});
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {0, 2})).item() ==
        Approx(std::log(3.0) / 2).epsilon(1e-6));
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {2, 0})).item() ==
        Approx(1000 + std::log(3.0) / 2).epsilon(1e-6));
  CHECK(cross_entropy<T>(x, Tensor<Index>({2}, {0, 2}), {.label_smoothing = 0.3}).item() ==
        Approx((0.3 * 1000 + std::log(3.0)) / 2).epsilon(1e-6));
}

TEST_CASE("labels changed before backward are noticed") {
  const Variable<float> x(Tensor<float>::ones({2, 3}), true);
  Tensor<Index> labels({2}, {0, 1});
  const auto loss = cross_entropy(x, labels);
  labels.mutable_at(0) = 2;
  CHECK_THROWS_AS(loss.backward(), GraphError);
}
