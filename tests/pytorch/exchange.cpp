// The library's side of exchange_test.py: writes or reads a network of the paper with images and
// the logits that it makes of them.
//
//   exchange write NAME MODEL EXAMPLE   random weights and statistics; images and logits
//   exchange read NAME MODEL EXAMPLE    exits 1 unless the model makes the example's logits
#include <cmath>
#include <iostream>
#include <string>
#include <variant>

#include "cnnrnn/io/model.hpp"
#include "models/by_name.hpp"

using namespace cnnrnn;

namespace {

Tensor<float> random_images(Index count, Random& random) {
  Tensor<float> images({count, 32, 32, 3});
  for (float& value : images.mutable_span()) {
    value = static_cast<float>(random.normal());
  }
  return images;
}

void write(nn::Layer<float>& model, Random& random, const std::string& path,
           const std::string& example) {
  for (int pass = 0; pass < 3; ++pass) {
    model(random_images(8, random));  // running statistics that are not those of a new model
  }
  model.eval();
  const auto images = random_images(5, random);
  io::save(path, model);
  io::write_safetensors(
      example,
      {.tensors = {{"images", images}, {"logits", model(images).value()}}, .metadata = {}});
}

bool read(nn::Layer<float>& model, const std::string& path, const std::string& example) {
  io::load(path, model);
  model.eval();
  const auto tensors = io::read_safetensors(example).tensors;
  const auto expected = std::get<Tensor<float>>(tensors.at("logits"));
  const auto logits = model(std::get<Tensor<float>>(tensors.at("images"))).value();
  float worst = 0;
  for (Index i = 0; i < logits.size(); ++i) {
    const float error = std::abs(logits.data()[i] - expected.data()[i]);
    worst = error <= worst || std::isnan(worst) ? worst : error;  // a NaN is the worst
  }
  std::cout << "largest difference " << worst << '\n';
  return worst < 1e-4F;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: exchange write|read NAME MODEL EXAMPLE\n";
    return 2;
  }
  Random random(7);
  const auto model = make_network<float>(argv[2], random);
  const NoGradGuard no_grad;
  if (std::string(argv[1]) == "write") {
    write(*model, random, argv[3], argv[4]);
    return 0;
  }
  return read(*model, argv[3], argv[4]) ? 0 : 1;
}
