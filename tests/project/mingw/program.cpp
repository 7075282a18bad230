// A short run on drawn images whose files are compared between systems, and the results of the C
// library's functions, which may differ.
//
// usage: program libm | train FOLDER [STOP_AFTER] | resume FOLDER | test FOLDER
#include <cmath>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/data/synthetic.hpp"
#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/flatten.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "cnnrnn/train/checkpoints.hpp"
#include "cnnrnn/train/evaluate.hpp"
#include "cnnrnn/train/interrupt.hpp"

using namespace cnnrnn;

namespace {

/// Of the bits of numbers, one after the other (FNV-1a).
class Hash {
 public:
  void add(const void* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      value_ = (value_ ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3;
    }
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

/// A line for each function of the C library that the library calls.
void print_libm() {
  const std::pair<const char*, double (*)(double)> functions[] = {
      {"cos", [](double x) { return std::cos(x); }},
      {"exp", [](double x) { return std::exp(-x); }},
      {"exp of float", [](double x) { return double{std::exp(-static_cast<float>(x))}; }},
      {"hypot", [](double x) { return std::hypot(x, 3.7); }},
      {"log", [](double x) { return std::log(x); }},
      {"log of float", [](double x) { return double{std::log(static_cast<float>(x))}; }},
      {"log1p", [](double x) { return std::log1p(x); }},
      {"pow", [](double x) { return std::pow(0.9, x); }},
      {"pow of whole numbers", [](double x) { return std::pow(0.999, std::floor(100 * x)); }},
      {"remainder", [](double x) { return std::remainder(x, 0.55); }},
      {"round", [](double x) { return std::round(255 * x); }},
      {"sin", [](double x) { return std::sin(x); }},
      {"sqrt", [](double x) { return std::sqrt(x); }}};
  for (const auto& [name, function] : functions) {
    Hash hash;
    for (int i = 1; i <= 100'000; ++i) {
      const double result = function(i * 1e-4);
      hash.add(&result, sizeof(result));
    }
    std::cout << name << ": " << hash.value() << '\n';
  }
}

struct Run {
  explicit Run(const std::string& folder)
      : model(nn::Conv2d<float>(3, 8, {.kernel = 3, .padding = 1}, random),
              nn::BatchNorm2d<float>(8), nn::Relu<float>(), nn::MaxPool2d<float>(),
              nn::Conv2d<float>(8, 16, {.kernel = 3, .padding = 1}, random), nn::Relu<float>(),
              nn::MaxPool2d<float>(), nn::Flatten<float>(), nn::Dropout<float>(0.2, random),
              nn::Linear<float>(1024, 10, random)),
        adam(model.parameters(), {.learning_rate = 1e-3}),
        data(data::synthetic_images({.train_images = 400, .test_images = 200})),
        train(data.train, {.batch = 50, .shuffle = true}),
        test(data.test, {.batch = 100}),
        checkpoints(model, adam, {.folder = folder}) {}

  void go(const train::TrainingState& from, int stop_after) {
    const train::Interrupt interrupt;
    int batches = 0;
    train::Trainer<float> trainer(
        model, adam, train, test,
        {.epochs = 3,
         .schedule = optim::cosine_schedule({.steps = 3 * train.batches()}),
         .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
         .stop =
             [&] {
               if (++batches == stop_after) {
                 std::raise(SIGINT);
               }
               return interrupt.requested();
             },
         .progress = {.out = nullptr}});
    trainer.run(from);
  }

  Random random{1};
  nn::Sequential<float> model;
  optim::Adam<float> adam;
  data::Split data;
  data::Loader<float> train, test;
  train::Checkpoints<float> checkpoints;
};

int use(const std::vector<std::string>& arguments) {
  if (arguments.at(1) == "libm") {
    print_libm();
    return 0;
  }
  Run run(arguments.at(2));
  if (arguments[1] == "train") {
    run.go({}, arguments.size() > 3 ? std::stoi(arguments[3]) : 0);
  } else if (arguments[1] == "resume") {
    run.go(run.checkpoints.resume(), 0);
  } else {
    io::load(run.checkpoints.model_path(), run.model);
    const auto metrics = train::evaluate(run.model, run.test);
    std::cout << "accuracy " << metrics.accuracy() << " loss " << metrics.loss() << '\n';
    run.model.eval();
    for (const auto& [images, labels] : run.test) {
      const auto logits = run.model(images);
      std::cout << "predicted";
      for (Index row = 0; row < logits.shape()[0]; ++row) {
        std::cout << ' ' << train::predicted_class(logits.value(), row);
      }
      std::cout << '\n';
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return use(os::utf8_arguments(argc, argv));
  } catch (const std::exception& error) {
    std::cout << error.what() << '\n';
    return 1;
  }
}
