#include "cnnrnn/nn/fusion.hpp"

#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/add.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

using Network = nn::Sequential<double>;

/// The same numbers in every call.
Network network(const std::string& layers) {
  Random random(3);
  Network result;
  for (const char kind : layers) {
    switch (kind) {
      case 'c':
        result.append(nn::Conv2d<double>(9, 9, {.padding = 1, .bias = false}, random));
        break;
      case 'b':
        result.append(nn::BatchNorm2d<double>(9));
        break;
      case 'r':
        result.append(nn::Relu<double>());
        break;
      case '6':
        result.append(nn::Relu6<double>());
        break;
      case 's':
        result.append(nn::Silu<double>());
        break;
      case 'h':
        result.append(nn::HardSwish<double>());
        break;
      case 'l':
        result.append(nn::LeakyRelu<double>());
        break;
      case 'L':
        result.append(nn::LeakyRelu<double>(0.2));
        break;
      case 'g':
        result.append(nn::Gelu<double>());
        break;
      case 't':
        result.append(nn::Gelu<double>(GeluApproximation::tanh));
        break;
      case 'n':  // of scales that do not keep the order
        result.append(nn::BatchNorm2d<double>(9));
        for (auto* part : result.modules()) {
          if (auto* norm = dynamic_cast<nn::BatchNorm2d<double>*>(part)) {
            norm->weight().mutable_value().copy_from(random_tensor<double>({9}, 5));
          }
        }
        break;
      case 'p':
        result.append(nn::MaxPool2d<double>());
        break;
      case 'o':
        result.append(nn::MaxPool2d<double>({.kernel = 3, .stride = 2}));
        break;
      default:
        FAIL("no layer " << kind);
    }
  }
  return result;
}

/// What comes out of two steps of training and one of evaluation: values, gradients, and buffers.
std::vector<Tensor<double>> outcome(Network& layers, bool fused) {
  std::optional<nn::NoFusionGuard> guard;
  if (!fused) {
    guard.emplace();
  }
  class Buffers : public nn::Visitor<double> {
   public:
    std::vector<Tensor<double>> found;

   private:
    void buffer(const std::string& /*path*/, Tensor<double>& value) override {
      found.push_back(value);
    }
  };
  std::vector<Tensor<double>> result;
  for (const bool training : {true, true, false}) {
    layers.train(training);
    layers.zero_grad();
    const Variable<double> x(random_tensor<double>({3, 9, 8, 9}, 1), true);
    const auto y = layers(x);
    y.backward(random_tensor<double>(y.shape(), 2));
    result.push_back(y.value());
    result.push_back(x.grad());
    for (const auto& [path, parameter] : layers.named_parameters()) {
      result.push_back(parameter.grad());
    }
  }
  {
    const NoGradGuard no_grad;
    for (const Index images : {1, 9}) {
      result.push_back(
          layers(Variable<double>(random_tensor<double>({images, 9, 8, 9}, 3))).value());
    }
  }
  Buffers buffers;
  layers.visit(buffers);
  result.insert(result.end(), buffers.found.begin(), buffers.found.end());
  return result;
}

std::vector<std::string> names(Network& layers) {
  std::vector<std::string> result;
  for (const auto& [path, parameter] : layers.named_parameters()) {
    result.push_back(path);
  }
  return result;
}

/// The name of the last operation on the tape.
std::string last_op(Network& layers) {
  const Variable<double> x(random_tensor<double>({2, 4, 4, 9}, 1), true);
  return layers(x).edge().record->name;
}

class Doubling : public nn::Relu<double> {
 public:
  Variable<double> operator()(const Variable<double>& x) override {
    return nn::Relu<double>::operator()(nn::Relu<double>::operator()(x));
  }
};

}  // namespace

TEST_CASE("layers that run in one pass give what they give one by one") {
  for (const std::string layers :
       {"br",   "brp",  "bro",  "bp",  "b",      "cbr",  "cbrcbrp", "rbrp",
        "brbr", "cbro", "crp",  "cro", "crpcrp", "b6",   "bsp",     "cb6cbs",
        "cbhp", "cs",   "c6p",  "ch",  "cbg",    "bt",   "cblcbL",  "cgp",
        "cpb",  "cpbg", "cpbr", "cpn", "cpng",   "cobt", "conl",    "cpbrcbg"}) {
    CAPTURE(layers);
    auto first = network(layers);
    auto second = network(layers);
    const auto expected = outcome(first, false);
    const auto got = outcome(second, true);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      require_close(got[i], expected[i], 1e-12);
    }
    CHECK(names(first) == names(second));
  }
}

TEST_CASE("frozen layers give in one pass what they give one by one") {
  for (const std::string layers : {"brp", "crp", "cbrcbrp"}) {
    CAPTURE(layers);
    const auto frozen = [&] {
      auto made = network(layers);
      made.set_requires_grad(false, "0");
      for (auto* part : made.modules()) {
        if (dynamic_cast<nn::BatchNorm<double>*>(part) != nullptr) {
          part->keep_eval();
        }
      }
      return made;
    };
    auto first = frozen();
    auto second = frozen();
    const auto expected = outcome(first, false);
    const auto got = outcome(second, true);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      REQUIRE(got[i].defined() == expected[i].defined());
      if (got[i].defined()) {
        require_close(got[i], expected[i], 1e-12);
      }
    }
  }
}

TEST_CASE("a convolution takes along a batch norm and a shortcut in training") {
  using Conv = nn::Conv2d<double>;
  using Norm = nn::BatchNorm2d<double>;
  using Images = Variable<double>;
  const auto results = [](const auto& body) {
    Random random(3);
    Conv convolution(9, 9, {.padding = 1, .bias = false}, random);
    Norm norm(9);
    const Images x(random_tensor<double>({3, 5, 4, 9}, 1), true);
    const Images shortcut(random_tensor<double>({3, 5, 4, 9}, 2), true);
    const Images y = body(convolution, norm, x, shortcut);
    y.backward(random_tensor<double>(y.shape(), 4));
    std::vector<Tensor<double>> found{y.value(), x.grad(), shortcut.grad(), norm.state()[2],
                                      norm.state()[3]};
    for (auto* part : {static_cast<nn::Module<double>*>(&convolution),
                       static_cast<nn::Module<double>*>(&norm)}) {
      for (const auto& parameter : part->parameters()) {
        found.push_back(parameter.grad());
      }
    }
    return found;
  };
  const auto check = [&](const auto& fused, const auto& plain) {
    const auto got = results(fused);
    const auto expected = results(plain);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      require_close(got[i], expected[i], 1e-12);
    }
  };
  check([](Conv& c, Norm& n, const Images& x, const Images& s) { return n(c(x), {}) + s; },
        [](Conv& c, Norm& n, const Images& x, const Images& s) { return n(c(x)) + s; });
  check([](Conv& c, Norm& n, const Images& x, const Images& s) { return c.norm(x, n) + s; },
        [](Conv& c, Norm& n, const Images& x, const Images& s) { return n(c(x)) + s; });
  check([](Conv& c, Norm& n, const Images& x, const Images& s) { return c.norm_add(x, n, s); },
        [](Conv& c, Norm& n, const Images& x, const Images& s) { return n(c(x)) + s; });
  check([](Conv& c, Norm& n, const Images& x, const Images& s) { return c.norm_add_relu(x, n, s); },
        [](Conv& c, Norm& n, const Images& x, const Images& s) { return relu(n(c(x)) + s); });
}

TEST_CASE("a sequence runs batch norm, ReLU and pooling in one pass, unless it is told not to") {
  auto with_relu = network("br");
  auto with_pool = network("brp");
  auto other_pool = network("bro");
  CHECK(last_op(with_relu) == "batch_norm");
  for (const std::string layers :
       {"b6", "bs", "bh", "cb6", "cbs", "cbh", "bg", "cbt", "cbl", "cpbg", "conr"}) {
    auto with_activation = network(layers);
    CHECK(last_op(with_activation) == "batch_norm");
  }
  CHECK(last_op(with_pool) == "batch_norm_relu_pool");
  CHECK(last_op(other_pool) == "max_pool2d");
  const nn::NoFusionGuard guard;
  CHECK_FALSE(nn::fusion_enabled());
  CHECK(last_op(with_relu) == "relu");
  CHECK(last_op(with_pool) == "max_pool2d");
}

TEST_CASE("what a layer is asked to take along runs by itself where it is told so") {
  Random random(3);
  nn::Conv2d<double> convolution(9, 9, {.padding = 1, .bias = false}, random);
  nn::BatchNorm2d<double> norm(9);
  const Variable<double> x(random_tensor<double>({2, 4, 4, 9}, 1), true);
  norm(convolution(x));
  convolution.eval();
  norm.eval();
  const auto results = [&] {
    return std::vector{convolution.norm_relu(x, norm),
                       convolution.norm_add_activated(x, norm, x, Activation::relu6),
                       norm.relu_pool(x), norm.activated(x, Activation::silu)};
  };
  const auto fused = results();
  const std::vector<std::string> names{"relu", "relu6", "max_pool2d", "silu"};
  const nn::NoFusionGuard guard;
  const auto apart = results();
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(apart[i].edge().record->name == names[i]);
    require_close(apart[i].value(), fused[i].value(), 1e-12);
  }
  class Names : public Observer<double> {
   public:
    std::string found;

   private:
    void operation(std::string_view name, const std::vector<Variable<double>>& /*inputs*/,
                   const std::vector<Tensor<double>>& /*outputs*/) override {
      found += std::string(name) + ' ';
    }
  };
  const NoGradGuard no_grad;
  const Names names_seen;
  require_close(convolution.norm_relu(x, norm).value(), fused[0].value(), 1e-12);
  CHECK(names_seen.found == "conv2d batch_norm relu ");
}

TEST_CASE("a layer derived from one that is known runs by itself") {
  Network layers;
  layers.append(nn::BatchNorm2d<double>(9));
  layers.append(Doubling());
  CHECK(last_op(layers) == "relu");
}

TEST_CASE("what a batch norm does outside training can be folded into another layer") {
  nn::BatchNorm2d<double> layer(5);
  const Variable<double> x(random_tensor<double>({2, 3, 4, 5}, 1));
  layer(x);
  CHECK(layer.uses_batch_statistics());
  CHECK_THROWS_AS(layer.folded(), ValueError);
  layer.eval();
  const auto [scale, shift] = layer.folded();
  auto expected = x.value().clone();
  for (Index i = 0; i < expected.size(); ++i) {
    double& value = expected.mutable_data()[i];
    value = value * scale(i % 5) + shift(i % 5);
  }
  require_close(layer(x).value(), expected, 1e-13);
}
