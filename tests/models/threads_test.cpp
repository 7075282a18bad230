// The paper's networks on several threads: training gives the same bytes on any number of them, and
// threads may share a model that infers, or each train one of their own.
#include <latch>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "cnnrnn/nn/state_dict.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "models/by_name.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

using namespace cnnrnn;

namespace {

// Together they reach Winograd's algorithm in two and in one direction, the direct one, columns,
// both kinds of recurrent layers and every way of multiplying matrices.
const std::vector<std::string> networks{"cnn+lstm", "cnn+convlstm", "vgg9", "resnet20"};

using Network = std::unique_ptr<nn::Layer<float>>;

Network network(const std::string& name) {
  Random random(3);
  return make_network<float>(name, random);
}

Tensor<float> images(Index count, std::uint64_t seed) {
  return random_tensor<float>({count, 32, 32, 3}, seed);
}

/// What two steps of training leave: both losses, and by name the gradients and the state.
using Outcome = std::map<std::string, Tensor<float>>;

Outcome two_steps(const std::string& name) {
  const auto model = network(name);
  optim::Adam<float> adam(model->parameters());
  Outcome outcome;
  for (const std::uint64_t step : {1U, 2U}) {
    // 9 images: the work falls into blocks that 2, 3 and 8 threads share unevenly.
    const auto logits = (*model)(Variable<float>(images(9, step)));
    const auto loss = cross_entropy(logits, Tensor<Index>({9}, {0, 1, 2, 3, 4, 5, 6, 7, 8}));
    adam.zero_grad();
    loss.backward();
    adam.step();
    outcome.emplace(to_message("loss ", step), loss.value());
  }
  for (const auto& [path, parameter] : model->named_parameters()) {
    outcome.emplace("gradient " + path, parameter.grad());
  }
  outcome.merge(nn::state_dict(*model).tensors);
  return outcome;
}

/// The names of what is not the same, to the bit.
std::vector<std::string> differences(const Outcome& a, const Outcome& b) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : a) {
    if (!b.contains(name) || !same_bytes(tensor, b.at(name))) {
      names.push_back(name);
    }
  }
  return names;
}

/// Calls task(i) on `count` threads that begin together.
template <class Task>
void at_once(int count, const Task& task) {
  std::latch start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      task(static_cast<std::size_t>(i));
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

constexpr int readers = 8;

/// What each of the threads makes of images of its own, several times, on one model; a model of its
/// own says what it should be.
void check_inference(const std::string& name, nn::Layer<float>& model, nn::Layer<float>& alone) {
  std::vector<Tensor<float>> inputs;
  std::vector<Tensor<float>> expected;
  for (Index i = 0; i < readers; ++i) {
    inputs.push_back(images(1 + i % 3, static_cast<std::uint64_t>(10 + i)));
    const NoGradGuard no_grad;
    expected.push_back(alone(Variable<float>(inputs.back())).value());
  }
  std::vector<std::vector<Tensor<float>>> results(readers);
  at_once(readers, [&](std::size_t i) {
    const NoGradGuard no_grad;
    for (int round = 0; round < 2; ++round) {
      results[i].push_back(model(Variable<float>(inputs[i])).value());
    }
  });
  for (std::size_t i = 0; i < readers; ++i) {
    for (const auto& result : results[i]) {
      CAPTURE(name, i);
      CHECK(same_bytes(result, expected[i]));
    }
  }
}

}  // namespace

TEST_CASE("two steps of training give the same bytes on any number of threads") {
  for (const auto& name : networks) {
    set_threads(1);
    const Outcome expected = two_steps(name);
    CHECK(expected.size() > 20);
    for (const int count : {2, 3, 8}) {
      set_threads(count);
      CAPTURE(name, count);
      CHECK(differences(expected, two_steps(name)).empty());
    }
  }
  set_threads(0);
}

TEST_CASE("eight threads may infer on one model, from its first call on") {
  for (const auto& name : networks) {
    const auto model = network(name);
    const auto alone = network(name);
    model->eval();
    alone->eval();
    check_inference(name, *model, *alone);
    for (auto* each : {model.get(), alone.get()}) {  // packed weights are made anew
      for (auto& parameter : each->parameters()) {
        parameter.mutable_value().mutable_data()[0] += 0.25F;
      }
    }
    check_inference(name, *model, *alone);
  }
}

TEST_CASE("threads may each train a model of their own, whatever else goes on") {
  const std::vector<std::string> names{"cnn+lstm", "resnet20", "cnn+lstm"};
  std::map<std::string, Outcome> expected;
  for (const auto& name : names) {
    expected.emplace(name, two_steps(name));
  }
  std::vector<Outcome> outcomes(names.size());
  at_once(static_cast<int>(names.size()) + 1, [&](std::size_t i) {
    if (i < names.size()) {
      outcomes[i] = two_steps(names[i]);
      return;
    }
    for (int count = 0; count < 200; ++count) {  // of threads, and of memory
      set_threads(count % 4);
      CachingAllocator::instance().release_cached();
      std::this_thread::yield();
    }
  });
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i]);
    CHECK(differences(expected.at(names[i]), outcomes[i]).empty());
  }
  set_threads(0);
}
