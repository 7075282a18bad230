#include "cnnrnn/train/nonfinite.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/train/trainer.hpp"
#include "support/catch.hpp"
#include "train/small_run.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Adds a parameter that is not trained.
class Frozen : public nn::Layer<float> {
 public:
  Variable<float> operator()(const Variable<float>& x) override { return add(x, shift_); }
  void visit(nn::Visitor<float>& visitor) override { visitor("shift", shift_); }
  std::string describe() const override { return "Frozen"; }

 private:
  Variable<float> shift_{Tensor<float>::ones({9})};
};

/// Adds NaN, and no parameter: a constant, which has no record either.
class NanAdder : public nn::Layer<float> {
 public:
  Variable<float> operator()(const Variable<float>& x) override {
    return add(x, Variable<float>(Tensor<float>::full({9}, not_a_number)));
  }
  void visit(nn::Visitor<float>&) override {}
  std::string describe() const override { return "NanAdder"; }
};

/// Passes x on until it is told to spoil one element.
class Spoiler : public nn::Layer<float> {
 public:
  explicit Spoiler(float& with) : with_(with) {}
  Variable<float> operator()(const Variable<float>& x) override {
    Tensor<float> y = x.value().clone();
    y.mutable_data()[0] += with_;
    return record<float>("spoil", {x}, y, [](Gradients<float>& g) { g.give(0, g.dy()); });
  }
  void visit(nn::Visitor<float>&) override {}
  std::string describe() const override { return "Spoiler"; }

 private:
  float& with_;
};

std::string message_of(train::Trainer<float>& trainer) {
  try {
    trainer.run();
  } catch (const NumericError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a loss that is not finite names the first layer whose output is not") {
  float spoil = 0;
  Random random(1);
  nn::Sequential<float> model(nn::Flatten<float>(), nn::Linear<float>(16, 9, random),
                              nn::BatchNorm1d<float>(9), nn::Dropout<float>(0.3, random),
                              Spoiler(spoil), nn::Linear<float>(9, 3, random));
  optim::Adam<float> adam(model.parameters());
  train::Trainer<float> trainer(model, adam, small_loader<float>(), {},
                                {.progress = {.out = nullptr}});
  const std::string first =
      "nan at epoch 1, step 1 of 7; the first that is not finite is the output of ";

  SECTION("behind the step's own message") {
    spoil = not_a_number;
    CHECK_THAT(message_of(trainer), StartsWith("train: expected a finite loss, got "));
  }
  SECTION("a layer without parameters is placed by the one before it") {
    for (const float value :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      spoil = value;
      CHECK_THAT(message_of(trainer), Contains(first + "spoil, behind layer 2"));
    }
  }
  SECTION("a layer with parameters is named by them, also by frozen ones") {
    model.set_requires_grad(GENERATE(false, true), "1");
    model.parameters()[0].mutable_value().mutable_data()[0] =
        std::numeric_limits<float>::quiet_NaN();
    CHECK_THAT(message_of(trainer), Contains(first + "linear, layer 1"));
  }
  SECTION("looking for it leaves the model's buffers and generators as they were") {
    spoil = std::numeric_limits<float>::quiet_NaN();
    const auto batch = *small_loader<float>().begin();
    const auto before = nn::state_dict(model).clone();
    CHECK(train::first_nonfinite(model, train::cross_entropy_loss<float>(), batch) ==
          "the output of spoil, behind layer 2");
    const auto after = nn::state_dict(model);
    CHECK(after.random_states == before.random_states);
    for (const auto& [name, tensor] : before.tensors) {
      CAPTURE(name);
      CHECK(std::ranges::equal(after.tensors.at(name).span(), tensor.span()));
    }
  }
  SECTION("all is finite, or the input is not") {
    auto batch = *small_loader<float>().begin();
    const auto loss_function = train::cross_entropy_loss<float>();
    CHECK(train::first_nonfinite(model, loss_function, batch).empty());
    batch.images.mutable_data()[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK(train::first_nonfinite(model, loss_function, batch) == "the input");
  }
}

TEST_CASE("a constant is not taken for a parameter that is not trained") {
  Random random(1);
  nn::Sequential<float> model(nn::Flatten<float>(), nn::Linear<float>(16, 9, random), NanAdder(),
                              Frozen());
  const auto batch = *small_loader<float>().begin();
  CHECK(train::first_nonfinite(model, train::cross_entropy_loss<float>(), batch) ==
        "the output of add, behind layer 1");
}

TEST_CASE("looking for what is not finite restores the model when the loss throws") {
  SmallRun<float> run;
  const auto batch = *small_loader<float>().begin();
  const auto before = nn::state_dict(run.model).clone();
  const auto loss = [](const Variable<float>&, const Tensor<Index>&) -> Variable<float> {
    throw std::runtime_error("a loss of the user's");
  };
  CHECK_THROWS_WITH(train::first_nonfinite<float>(run.model, loss, batch), "a loss of the user's");
  for (const auto& [name, tensor] : nn::state_dict(run.model).tensors) {
    CAPTURE(name);
    CHECK(std::ranges::equal(before.tensors.at(name).span(), tensor.span()));
  }
}
