#include "cnnrnn/train/nonfinite.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "cnnrnn/ops/add.hpp"
#include "support/catch.hpp"
#include "train/small_run.hpp"

using namespace cnnrnn;

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
class Spoiler : public nn::Layer<float> {
 public:
  Variable<float> operator()(const Variable<float>& x) override {
    return add(x, Variable<float>(Tensor<float>::full({9}, not_a_number)));
  }
  void visit(nn::Visitor<float>&) override {}
  std::string describe() const override { return "Spoiler"; }
};

}  // namespace

TEST_CASE("a constant is not taken for a parameter that is not trained") {
  Random random(1);
  nn::Sequential<float> model(nn::Flatten<float>(), nn::Linear<float>(16, 9, random), Spoiler(),
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
