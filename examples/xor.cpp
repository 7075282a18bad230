// The smallest training run: two dense layers learn the exclusive or of two bits.
#include <cmath>
#include <cnnrnn/cnnrnn.hpp>
#include <iostream>

using namespace cnnrnn;

int main() {
  Random random(1);
  nn::Sequential<float> model(nn::Linear<float>(2, 8, random), nn::Tanh<float>(),
                              nn::Linear<float>(8, 1, random), nn::Sigmoid<float>());
  optim::Adam<float> adam(model.parameters(), {.learning_rate = 0.05});

  const Variable<float> bits(Tensor<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}));
  const Variable<float> expected(Tensor<float>({4, 1}, {0, 1, 1, 0}));
  for (int step = 0; step < 500; ++step) {
    const auto loss = mse_loss(model(bits), expected);
    adam.zero_grad();
    loss.backward();
    adam.step();
  }

  const auto answer = model(bits);
  bool learnt = true;
  for (Index row = 0; row < 4; ++row) {
    const float value = answer.value()(row, 0);
    learnt = learnt && std::abs(value - expected.value()(row, 0)) < 0.1F;
    std::cout << bits.value()(row, 0) << " xor " << bits.value()(row, 1) << " = " << value << '\n';
  }
  return learnt ? 0 : 1;
}
