// The paper's networks: what comes out of them, how many numbers they train, and their names.
#include "models/by_name.hpp"

#include <map>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

struct Expected {
  Index parameters;
  std::string description;
};

const std::map<std::string, Expected> expected{
    {"cnn", {2'168'554, "CnnRnn(rnn none)"}},
    {"cnn+lstm", {2'583'786, "CnnRnn(rnn lstm)"}},
    {"vgg9", {3'511'754, "Vgg9(rnn none)"}},
    {"vgg9+lstm", {4'592'586, "Vgg9(rnn lstm)"}},
    {"resnet20", {269'722, "ResNet20(rnn none)"}},
    {"resnet20+lstm", {763'802, "ResNet20(rnn lstm)"}},
};

}  // namespace

TEST_CASE("every network has the parameters of its layers") {
  CHECK(network_names().size() == expected.size());
  for (const auto& name : network_names()) {
    CAPTURE(name);
    Random random(1);
    const auto model = make_network<float>(name, random);
    CHECK(model->parameter_count() == expected.at(name).parameters);
    CHECK(model->describe() == expected.at(name).description);
  }
}

TEST_CASE("every network makes logits, and a gradient for each parameter") {
  for (const auto& name : network_names()) {
    CAPTURE(name);
    Random random(1);
    const auto model = make_network<float>(name, random);
    const auto logits = (*model)(Variable<float>(random_tensor<float>({2, 32, 32, 3}, 1)));
    REQUIRE(logits.shape() == Shape{2, 10});
    logits.backward(random_tensor<float>({2, 10}, 2));
    for (const auto& [path, parameter] : model->named_parameters()) {
      CAPTURE(path);
      CHECK(parameter.grad().defined());
    }
  }
}

TEST_CASE("the classes are an option") {
  Random random(1);
  const Variable<float> image(random_tensor<float>({1, 32, 32, 3}, 1));
  CnnRnn<float> cnn({.classes = 3}, random);
  ResNet20<float> resnet({.classes = 5}, random);
  CHECK(cnn(image).shape() == Shape{1, 3});
  CHECK(resnet(image).shape() == Shape{1, 5});
}

TEST_CASE("networks say what they expected and what came") {
  Random random(1);
  CHECK_THROWS_WITH(make_network<float>("alexnet", random),
                    "expected a network cnn, vgg9 or resnet20, got alexnet");
  CHECK_THROWS_WITH(make_network<float>("cnn+gpt", random),
                    "CnnRnn: expected rnn none or lstm, got gpt");
  CHECK_THROWS_WITH(make_network<float>("vgg9+", random), "Vgg9: expected rnn none or lstm, got ");
  CHECK_THROWS_AS(make_network<float>("resnet20+x", random), ValueError);
}
