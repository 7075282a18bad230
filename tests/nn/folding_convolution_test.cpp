// What Conv1d and the transposed convolutions take along: a ReLU, and outside training a batch
// norm.
#include "cnnrnn/nn/folding_convolution.hpp"

#include <cmath>
#include <cstdint>

#include "cnnrnn/nn/conv1d.hpp"
#include "cnnrnn/nn/conv_transpose1d.hpp"
#include "cnnrnn/nn/conv_transpose2d.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// Convolution, batch norm and ReLU with statistics of two batches, run as layers by themselves and
/// as one.
template <class Convolution, class Norm>
void check_fusion(const Convolution& convolution, const Shape& x) {
  nn::Sequential<double> layers(convolution, Norm(6), nn::Relu<double>());
  nn::Sequential<double> no_relu(convolution, Norm(6));
  nn::Sequential<double> no_norm(convolution, nn::Relu<double>());
  for (auto* const network : {&layers, &no_relu, &no_norm}) {
    std::uint64_t seed = 3;
    for (auto& parameter : network->parameters()) {
      parameter.mutable_value().copy_from(random_tensor<double>(parameter.shape(), ++seed));
    }
    const auto in = [&](std::uint64_t batch) {
      return Variable<double>(random_tensor<double>(x, batch));
    };
    const auto alone = [&](std::uint64_t batch) {
      const nn::NoFusionGuard no_fusion;
      return (*network)(in(batch)).value();
    };
    (*network)(in(1));
    require_close((*network)(in(2)).value(), alone(2), 1e-12);
    network->eval();
    require_close((*network)(in(4)).value(), alone(4), 1e-12);
    const NoGradGuard no_grad;
    require_close((*network)(in(4)).value(), alone(4), 1e-12);
    for (auto& parameter : network->parameters()) {  // what was folded is folded again
      parameter.mutable_value().mutable_data()[1] += 0.5;
      require_close((*network)(in(4)).value(), alone(4), 1e-12);
    }
  }
}

}  // namespace

TEST_CASE("convolutions take along batch norms and ReLUs") {
  Random random(1);
  for (const bool bias : {true, false}) {
    check_fusion<nn::Conv1d<double>, nn::BatchNorm1d<double>>(
        {4, 6, {.groups = 2, .bias = bias}, random}, {3, 9, 4});
    check_fusion<nn::ConvTranspose1d<double>, nn::BatchNorm1d<double>>(
        {4, 6, {.stride = 2, .groups = 2, .bias = bias}, random}, {3, 5, 4});
    check_fusion<nn::ConvTranspose2d<double>, nn::BatchNorm2d<double>>(
        {4, 6, {.kernel = 2, .stride = 2, .groups = 2, .bias = bias}, random}, {3, 4, 3, 4});
  }
}

TEST_CASE("in training the batch norm behind a convolution keeps its statistics") {
  Random random(1);
  nn::Sequential<double> layers(nn::Conv1d<double>(2, 3, {}, random), nn::BatchNorm1d<double>(3));
  const NoGradGuard no_grad;
  const auto y = layers(Variable<double>(random_tensor<double>({4, 9, 2}, 2)));
  double sum = 0;
  for (const double value : y.value().span()) {
    sum += value;
  }
  CHECK(std::abs(sum) < 1e-10);
}
