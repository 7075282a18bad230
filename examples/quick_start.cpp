// The program of the README: a small network learns to tell drawn shapes apart.
#include <cnnrnn/cnnrnn.hpp>
#include <iostream>

using namespace cnnrnn;

int main() {
  Random random(42);
  nn::Sequential<float> model(nn::Conv2d<float>(3, 16, {.kernel = 5, .stride = 2}, random),
                              nn::BatchNorm2d<float>(16), nn::Relu<float>(),  // (N, 14, 14, 16)
                              nn::Conv2d<float>(16, 32, {.kernel = 3}, random), nn::Relu<float>(),
                              nn::MaxPool2d<float>(), nn::Flatten<float>(),  // (N, 1152)
                              nn::Linear<float>(1152, 10, random));
  optim::Adam<float> adam(model.parameters(), {.learning_rate = 1e-3});
  data::Loader<float> loader(data::synthetic_images({.train_images = 5000}).train,
                             {.batch = 100, .shuffle = true});
  for (Index epoch = 0; epoch < 2; ++epoch) {
    loader.set_epoch(epoch);
    for (const auto& [images, labels] : loader) {
      const auto logits = model(images);
      adam.zero_grad();
      cross_entropy(logits, labels).backward();
      adam.step();
      std::cout << train::accuracy(logits.value(), labels) << '\n';
    }
  }
}
