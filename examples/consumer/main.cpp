// Trains a network here and judges it in second.cpp: both include the library, and are one program.
#include <cnnrnn/cnnrnn.hpp>
#include <iostream>

#include "worst_error.hpp"

using namespace cnnrnn;

int main() {
  const Variable<float> bits(Tensor<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}));
  const Variable<float> expected(Tensor<float>({4, 1}, {0, 1, 1, 0}));

  Random random(1);
  nn::Sequential<float> model(nn::Linear<float>(2, 8, random), nn::Tanh<float>(),
                              nn::Linear<float>(8, 1, random));
  optim::Adam<float> adam(model.parameters(), {.learning_rate = 0.05});
  for (int step = 0; step < 300; ++step) {
    const auto loss = mse_loss(model(bits), expected);
    adam.zero_grad();
    loss.backward();
    adam.step();
  }

  const float error = worst_error(model, bits, expected);
  std::cout << "exclusive or, learnt to " << error << '\n';
  return error < 0.1F ? 0 : 1;
}
