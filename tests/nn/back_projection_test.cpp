// Signals projected back through networks, beside a deconvolutional network of plain loops.
#include "cnnrnn/nn/back_projection.hpp"

#include <functional>
#include <string>
#include <vector>

#include "models/resnet20.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using nn::ReluRule;

namespace {

using Map = Tensor<double>;

constexpr ReluRule rules[] = {ReluRule::gradient, ReluRule::deconvolution, ReluRule::guided};

/// Layers that run forward as they are called, by plain loops, and a signal back through all.
class Loops {
 public:
  explicit Loops(Map x) : map(std::move(x)) {}

  /// By 3x3 kernels (O, I, 3, 3), with a padding of 1.
  void convolve(const Map& weight, Index stride) {
    const Map x = map;
    Map y = Map::zeros(
        {x.dim(0), (x.dim(1) - 1) / stride + 1, (x.dim(2) - 1) / stride + 1, weight.dim(0)});
    const auto each = [=](const Map& of, const auto& body) {
      for_each(of, [&](Index n, Index i, Index j, Index o) {
        for (Index k = 0; k < 9 * weight.dim(1); ++k) {
          const Index c = k / 9, u = k / 3 % 3, v = k % 3;
          const Index row = i * stride + u - 1, column = j * stride + v - 1;
          if (row >= 0 && row < x.dim(1) && column >= 0 && column < x.dim(2)) {
            body(n, i, j, o, row, column, c, weight(o, c, u, v));
          }
        }
      });
    };
    each(y, [&](Index n, Index i, Index j, Index o, Index row, Index column, Index c, double w) {
      y.mutable_at(n, i, j, o) += w * x(n, row, column, c);
    });
    map = y;
    steps_.push_back([=](const Map& signal, ReluRule) {
      Map result = Map::zeros(x.shape());
      each(signal,
           [&](Index n, Index i, Index j, Index o, Index row, Index column, Index c, double w) {
             result.mutable_at(n, row, column, c) += w * signal(n, i, j, o);
           });
      return result;
    });
  }

  /// By running statistics.
  void normalise(const nn::BatchNorm2d<double>& norm) {
    const auto state = norm.state();  // weight, bias, mean, variance
    const auto scale = [state](Index c) { return state[0](c) / std::sqrt(state[3](c) + 1e-5); };
    Map y(map.shape());
    for_each(map, [&](Index n, Index i, Index j, Index c) {
      y.mutable_at(n, i, j, c) = (map(n, i, j, c) - state[2](c)) * scale(c) + state[1](c);
    });
    map = y;
    steps_.push_back([=](const Map& signal, ReluRule) {
      Map result(signal.shape());
      for_each(signal, [&](Index n, Index i, Index j, Index c) {
        result.mutable_at(n, i, j, c) = signal(n, i, j, c) * scale(c);
      });
      return result;
    });
  }

  void rectify() {
    const Map x = map;
    map = Map(x.shape());
    for_each(x, [&](Index n, Index i, Index j, Index c) {
      map.mutable_at(n, i, j, c) = std::max(0.0, x(n, i, j, c));
    });
    steps_.push_back([=](const Map& signal, ReluRule rule) {
      Map result(x.shape());
      for_each(x, [&](Index n, Index i, Index j, Index c) {
        const double s = signal(n, i, j, c);
        const bool blocked = (rule != ReluRule::gradient && s < 0) ||
                             (rule != ReluRule::deconvolution && x(n, i, j, c) <= 0);
        result.mutable_at(n, i, j, c) = blocked ? 0 : s;
      });
      return result;
    });
  }

  /// By 2 x 2; the signal goes to the places of the largest.
  void pool() {
    const Map x = map;
    map = Map({x.dim(0), x.dim(1) / 2, x.dim(2) / 2, x.dim(3)});
    Tensor<Index> switches(map.shape());
    for_each(map, [&](Index n, Index i, Index j, Index c) {
      Index best = 0;
      for (Index k = 1; k < 4; ++k) {
        best = x(n, 2 * i + k / 2, 2 * j + k % 2, c) > x(n, 2 * i + best / 2, 2 * j + best % 2, c)
                   ? k
                   : best;
      }
      switches.mutable_at(n, i, j, c) = best;
      map.mutable_at(n, i, j, c) = x(n, 2 * i + best / 2, 2 * j + best % 2, c);
    });
    steps_.push_back([=](const Map& signal, ReluRule) {
      Map result = Map::zeros(x.shape());
      for_each(signal, [&](Index n, Index i, Index j, Index c) {
        const Index k = switches(n, i, j, c);
        result.mutable_at(n, 2 * i + k / 2, 2 * j + k % 2, c) = signal(n, i, j, c);
      });
      return result;
    });
  }

  Map back(Map signal, ReluRule rule) const {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      signal = (*step)(signal, rule);
    }
    return signal;
  }

  template <class Body>
  static void for_each(const Map& map, const Body& body) {
    for (Index k = 0; k < map.size(); ++k) {
      const Index c = k % map.dim(3), j = k / map.dim(3) % map.dim(2);
      const Index i = k / map.dim(3) / map.dim(2) % map.dim(1);
      body(k / map.dim(3) / map.dim(2) / map.dim(1), i, j, c);
    }
  }

  Map map;  ///< what the last layer has made

 private:
  std::vector<std::function<Map(const Map&, ReluRule)>> steps_;
};

/// Trained once, so that statistics, scales and shifts are not those of the start; evaluated since.
template <class Network>
void prepare(Network& network, const Shape& x) {
  std::uint64_t seed = 10;
  for (auto* part : network.modules()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d<double>*>(part)) {
      norm->weight().mutable_value().copy_from(
          random_tensor<double>(norm->weight().shape(), ++seed));
      norm->bias().mutable_value().copy_from(random_tensor<double>(norm->bias().shape(), ++seed));
    }
  }
  network(Variable<double>(random_tensor<double>(x, 9)));
  network.eval();
}

template <class L>
std::vector<L*> parts(nn::Module<double>& network) {
  std::vector<L*> found;
  for (auto* part : network.modules()) {
    if (auto* layer = dynamic_cast<L*>(part)) {
      found.push_back(layer);
    }
  }
  return found;
}

using Conv = nn::Conv2d<double>;
using Norm = nn::BatchNorm2d<double>;

nn::Sequential<double> stages() {
  Random random(3);
  nn::Sequential<double> network;
  Index in = 3;
  for (const Index out : {4, 5, 6}) {
    network.append(Conv(in, out, {.padding = 1, .bias = false}, random));
    network.append(Norm(out));
    network.append(nn::Relu<double>());
    if (out != 4) {
      network.append(nn::MaxPool2d<double>());
    }
    in = out;
  }
  return network;
}

}  // namespace

TEST_CASE("a signal comes back through stages as plain loops bring it") {
  auto network = stages();
  const auto x = random_tensor<double>({2, 8, 12, 3}, 1);
  prepare(network, x.shape());
  const auto convolutions = parts<Conv>(network);
  const auto norms = parts<Norm>(network);
  Loops loops(x);
  for (std::size_t k = 0; k < 3; ++k) {
    loops.convolve(convolutions[k]->weight().value(), 1);
    loops.normalise(*norms[k]);
    loops.rectify();
    if (k > 0) {
      loops.pool();
    }
  }
  for (const ReluRule rule : rules) {
    CAPTURE(static_cast<int>(rule));
    nn::BackProjection<double> projection(x, network, rule);
    require_close(projection.y(), loops.map, 1e-11);
    auto signal = Map::zeros(loops.map.shape());
    signal.mutable_at(1, 1, 2, 4) = 2.5;  // one activation, and then all
    require_close(projection.back(signal), loops.back(signal, rule), 1e-11);
    signal = random_tensor<double>(loops.map.shape(), 5);
    require_close(projection.back(signal), loops.back(signal, rule), 1e-11);
  }
}

TEST_CASE("a signal comes back through both branches of residual blocks") {
  Random random(4);
  ResidualBlock<double> block(3, 5, 2, random);
  const auto x = random_tensor<double>({2, 6, 8, 3}, 1);
  prepare(block, x.shape());
  const auto convolutions = parts<Conv>(block);
  const auto norms = parts<Norm>(block);
  Loops branch(x);
  branch.convolve(convolutions[0]->weight().value(), 2);
  branch.normalise(*norms[0]);
  branch.rectify();
  branch.convolve(convolutions[1]->weight().value(), 1);
  branch.normalise(*norms[1]);
  Map sum = branch.map.clone();
  Loops::for_each(sum, [&](Index n, Index i, Index j, Index c) {
    sum.mutable_at(n, i, j, c) += c < 3 ? x(n, 2 * i, 2 * j, c) : 0;
  });
  Loops end(sum);
  end.rectify();
  for (const ReluRule rule : rules) {
    CAPTURE(static_cast<int>(rule));
    nn::BackProjection<double> projection(x, block, rule);
    require_close(projection.y(), end.map, 1e-11);
    const auto signal = random_tensor<double>(end.map.shape(), 5);
    const Map at_sum = end.back(signal, rule);
    Map expected = branch.back(at_sum, rule);
    Loops::for_each(at_sum, [&](Index n, Index i, Index j, Index c) {
      if (c < 3) {
        expected.mutable_at(n, 2 * i, 2 * j, c) += at_sum(n, i, j, c);
      }
    });
    require_close(projection.back(signal), expected, 1e-11);
  }
}

TEST_CASE("a recurrent sweep passes on its gradient, whatever the rule of ReLUs") {
  Random random(4);
  nn::RecurrentSweep<double> sweep({.channels = 3, .units = 2, .cell = nn::Cell::irnn}, random);
  for (auto& [name, parameter] : sweep.named_parameters()) {
    if (name.ends_with("_out.weight")) {
      parameter.mutable_value().copy_from(random_tensor<double>(parameter.shape(), 6));
    }
  }
  sweep.eval();
  const Variable<double> x(random_tensor<double>({1, 3, 4, 3}, 1), true);
  const auto signal = random_tensor<double>(x.shape(), 2);
  sweep(x).backward(signal);
  nn::BackProjection<double> projection(x.value(), sweep);
  require_close(projection.back(signal), x.grad(), 1e-12);
}

TEST_CASE("a projection leaves no gradient in the parameters") {
  auto network = stages();
  const auto x = random_tensor<double>({1, 4, 4, 3}, 1);
  prepare(network, x.shape());
  nn::BackProjection<double> projection(x, network);
  projection.back(random_tensor<double>(projection.y().shape(), 2));
  for (const auto& parameter : network.parameters()) {
    CHECK_FALSE(parameter.grad().defined());
    CHECK(parameter.requires_grad());
  }
  CHECK_THROWS_WITH(projection.back(Map::zeros({1, 2, 2, 6})),
                    "backward: expected a gradient of shape (1, 1, 1, 6), got (1, 2, 2, 6)");
}

TEST_CASE("a projection needs a result that is recorded") {
  const std::string message =
      "BackProjection: expected a result that depends on x and is recorded, got a constant";
  const auto x = random_tensor<double>({1, 4, 4, 3}, 1);
  const auto constant = [](const auto& v) { return v.detach(); };
  CHECK_THROWS_WITH(nn::BackProjection<double>(x, constant), message);
  auto network = stages();
  network.eval();
  const NoGradGuard no_grad;
  CHECK_THROWS_WITH(nn::BackProjection<double>(x, network), message);
}
