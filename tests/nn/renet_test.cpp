#include "cnnrnn/nn/renet.hpp"

#include <vector>

#include "cnnrnn/nn/gru.hpp"
#include "cnnrnn/nn/rnn.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/slice.hpp"
#include "support/catch.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;

namespace {

/// The vector of the patch in row i and column j, (N, C P P): channel by channel.
Variable<double> patch_at(const Variable<double>& x, Index i, Index j, Index patch) {
  const auto square = slice(slice(x, 1, i * patch, patch), 2, j * patch, patch);
  return reshape(permute(square, {0, 3, 1, 2}), {x.dim(0), x.dim(3) * patch * patch});
}

/// Position by position: each row of patches as sequences of its own, then each column.
Variable<double> composition(nn::ReNet<double>& layer, const Variable<double>& x, Index units,
                             Index patch) {
  Random random(9);
  const Index m = x.dim(1) / patch, k = x.dim(2) / patch, n = x.dim(0);
  nn::Lstm<double> rows(x.dim(3) * patch * patch, units, {.bidirectional = true}, random);
  nn::Lstm<double> columns(2 * units, units, {.bidirectional = true}, random);
  const auto given = layer.named_parameters();
  std::size_t next = 0;
  for (auto* network : {&rows, &columns}) {
    for (auto& [name, parameter] : network->named_parameters()) {
      parameter.mutable_value().copy_from(given[next++].second.value());
    }
  }
  std::vector<Variable<double>> swept;  // (N, 1, K, 2U), row by row
  for (Index i = 0; i < m; ++i) {
    std::vector<Variable<double>> sequence;
    for (Index j = 0; j < k; ++j) {
      sequence.push_back(reshape(patch_at(x, i, j, patch), {n, 1, x.dim(3) * patch * patch}));
    }
    swept.push_back(reshape(rows(concat(sequence, 1)).y, {n, 1, k, 2 * units}));
  }
  const auto map = concat(swept, 1);
  std::vector<Variable<double>> result;  // (N, M, 1, 2U), column by column
  for (Index j = 0; j < k; ++j) {
    const auto column = reshape(slice(map, 2, j, 1), {n, m, 2 * units});
    result.push_back(reshape(columns(column).y, {n, m, 1, 2 * units}));
  }
  return concat(result, 2);
}

}  // namespace

TEST_CASE("ReNet") {
  const auto make = []<class T>(T, Random& random) {
    return nn::ReNet<T>({.channels = 3, .patch = 2, .units = 5}, random);
  };
  const auto gru = []<class T>(T, Random& random) {
    return nn::ReNet<T, nn::Gru<T>>({.channels = 2, .patch = 1, .units = 3}, random);
  };
  const auto bad = [](const Shape& shape) {
    return throws<ShapeError>(
        [=] {
          Random random(1);
          nn::ReNet<float> layer({.channels = 3, .units = 4}, random);
          layer(Variable<float>(Tensor<float>(shape)));
        },
        to_message("ReNet: expected an input (N, H, W, 3) of patches of 2x2, got ", shape));
  };
  check_op(
      "ReNet",
      {{"its four directions put together",
        layer_inputs(make, random_tensor<double>({2, 4, 6, 3}, 2)), layer_op(make),
        [=](const Tensors<double>& in) {
          Random random(1);
          auto layer = make(0.0, random);
          std::size_t last = 0;
          for (auto& [name, parameter] : layer.named_parameters()) {
            parameter.mutable_value().copy_from(in[++last]);
          }
          return composition(layer, in[0], 5, 2);
        }},
       {"with a GRU", layer_inputs(gru, random_tensor<double>({1, 3, 2, 2}, 2)), layer_op(gru)}},
      {bad({1, 4, 4, 2}), bad({1, 4, 5, 3}), bad({1, 3, 4, 3}), bad({1, 0, 4, 3}),
       bad({1, 4, 0, 3}),
       throws<ValueError>(
           [] {
             Random random(1);
             nn::ReNet<float>({.channels = 3, .patch = 0}, random);
           },
           "ReNet: expected positive channels, patch and units, got 3, 0 and 32")});
}

TEST_CASE("every position of ReNet has seen the whole image") {
  Random random(1);
  nn::ReNet<double, nn::Rnn<double>> layer({.channels = 1, .patch = 2, .units = 4}, random);
  Variable<double> x(random_tensor<double>({1, 6, 4, 1}, 2), true);
  const auto y = layer(x);
  auto dy = Tensor<double>::zeros(y.shape());
  for (const Index unit : {2, 6}) {  // of the forward and of the reverse direction
    dy.mutable_at(0, 1, 0, unit) = 1;
  }
  y.backward(dy);
  const auto dx = x.grad();
  for (const double gradient : dx.span()) {
    CHECK(gradient != 0);
  }
}

TEST_CASE("ReNet names its parts") {
  Random random(1);
  nn::ReNet<float> layer({.channels = 3, .units = 4}, random);
  CHECK(layer.named_parameters().front().first == "rows.weight_ih_l0");
  CHECK(layer.named_parameters().back().first == "columns.bias_hh_l0_reverse");
  CHECK(layer.describe() == "ReNet(patch 2x2)");
}
