// The program of the README: a network of two dense layers learns to tell apart drawn shapes.
#include <cnnrnn/cnnrnn.hpp>
#include <iostream>

using namespace cnnrnn;

int main() {
  Random random(42);
  nn::Sequential<float> model(nn::Conv2d<float>(3, 16, {.kernel = 3, .stride = 2}, random),
                              nn::Relu<float>(), nn::GlobalAvgPool2d<float>(),
                              nn::Linear<float>(16, 10, random));
  optim::Adam<float> adam(model.parameters(), {.learning_rate = 1e-2});
  data::Loader<float> loader(data::synthetic({.count = 2000}), {.batch = 50});
  for (auto [images, labels] : loader) {
    auto loss = cross_entropy(model(images), labels);
    adam.zero_grad();
    loss.backward();
    adam.step();
    std::cout << loss.item() << '\n';
  }
}
