// Times whole networks on synthetic images, as many names as there are networks:
//
//   train/MODEL     a step with Adam on a batch of 128: forward, loss, backward, update
//   infer/MODEL     a batch of 128
//   latency/MODEL   a single image
//   memory/MODEL    a short training run, alone in its process, for its peak of resident memory
#include <sys/resource.h>

#include "models/by_name.hpp"
#include "support/main.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

constexpr Index batch = 128;

/// A network, its optimizer and a batch.
class Training {
 public:
  explicit Training(const std::string& name)
      : model_(make_network<float>(name, random_)),
        adam_(model_->parameters(), {.learning_rate = 1e-3}),
        images_(bench::random_tensor({batch, 32, 32, 3})),
        labels_({batch}) {
    for (Index& label : labels_.mutable_span()) {
      label = static_cast<Index>(random_.below(10));
    }
  }

  void step() {
    const auto loss = cross_entropy((*model_)(images_), labels_);
    adam_.zero_grad();
    loss.backward();
    adam_.step();
  }

 private:
  Random random_{1};
  std::unique_ptr<nn::Layer<float>> model_;
  optim::Adam<float> adam_;
  Variable<float> images_;
  Tensor<Index> labels_;
};

void report_images(benchmark::State& state, Index images, double seconds) {
  state.counters["items_per_second"] = static_cast<double>(images) / seconds;
}

void train(benchmark::State& state, const std::string& name) {
  Training training(name);
  report_images(state, batch, bench::time_iterations(state, [&] { training.step(); }));
}

void infer(benchmark::State& state, const std::string& name, Index images) {
  Random random(1);
  const auto model = make_network<float>(name, random);
  model->eval();
  const NoGradGuard no_grad;
  const Variable<float> x(bench::random_tensor({images, 32, 32, 3}));
  report_images(state, images, bench::time_iterations(state, [&] { (*model)(x); }));
}

void memory(benchmark::State& state, const std::string& name) {
  train(state, name);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

template <class Body>
benchmark::internal::Benchmark* add(const std::string& name, const Body& body) {
  return benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond);
}

void add_all() {
  const auto names = network_names();
  for (const auto& name : names) {
    add("train/" + name, [name](benchmark::State& state) { train(state, name); });
  }
  for (const auto& name : names) {
    add("infer/" + name, [name](benchmark::State& state) { infer(state, name, batch); });
  }
  for (const auto& name : names) {
    add("latency/" + name, [name](benchmark::State& state) { infer(state, name, 1); });
  }
  for (const auto& name : names) {
    add("memory/" + name, [name](benchmark::State& state) { memory(state, name); })->Iterations(20);
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_all();
  return bench::main(argc, argv);
}
