// The well-known networks: their options and errors. pytorch/zoo compares what they compute.
#include "models/zoo/by_name.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

Variable<float> images(const Shape& shape) {
  return Variable<float>(random_tensor<float>(shape, 1));
}

}  // namespace

TEST_CASE("the classes and the channels of the images are options") {
  for (const std::string name : {"lenet5", "mobilenet_v2", "mobilenet_v3_small", "resnet18"}) {
    CAPTURE(name);
    const auto network = zoo_classifier<float>(name);
    const Index channels = network.options.channels == 1 ? 3 : 1;
    Random random(1);
    const auto model = network.make({.classes = 7, .channels = channels}, random);
    CHECK((*model)(images({2, 32, 32, channels})).shape() == Shape{2, 7});
  }
}

TEST_CASE("the first and the last layer are where the table says") {
  for (const auto& network : zoo_classifiers<float>()) {
    if (network.name == "vgg16") {
      continue;  // large: pytorch/zoo loads it
    }
    CAPTURE(network.name);
    Random random(1);
    const auto model = network.make({.classes = 7, .channels = 2}, random);
    const auto parameters = model->named_parameters();
    CHECK(parameters.front().first == network.first + ".weight");
    CHECK(parameters.front().second.dim(1) == 2);
    CHECK(parameters.back().first == network.last + ".bias");
    CHECK(parameters.back().second.dim(0) == 7);
  }
}

TEST_CASE("LeNet-5 takes images of 32x32, or of 28x28") {
  Random random(1);
  CHECK(LeNet5<float>({}, random)(images({2, 32, 32, 1})).shape() == Shape{2, 10});
  CHECK(LeNet5<float>({.image = 28}, random)(images({2, 28, 28, 1})).shape() == Shape{2, 10});
  CHECK_THROWS_WITH(LeNet5<float>({.image = 30}, random),
                    "LeNet5: expected images of size 32 or 28, got 30");
}

TEST_CASE("a network that is not known is an error that names those that are") {
  CHECK_THROWS_WITH(zoo_classifier<float>("alexnet"),
                    "expected a network of lenet5, mobilenet_v2, mobilenet_v3_small, resnet18, "
                    "resnet50, vgg16, got alexnet");
}

TEST_CASE("the blocks say what they are") {
  Random random(1);
  using Block = InvertedResidual<float>;
  CHECK(Block({.in = 4, .expanded = 8, .out = 4}, {}, Block::Names::conv, random).describe() ==
        "InvertedResidual(4, 8, 4, kernel 3, stride 1)");
  CHECK(Bottleneck<float>(4, 2, 2, random).describe() == "Bottleneck(4, 2, stride 2)");
}
