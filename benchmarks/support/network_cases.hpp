#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

namespace bench {

/// A network whose speed is measured.
struct NetworkCase {
  using Layer = cnnrnn::nn::Layer<float>;

  std::string name;
  cnnrnn::Shape image;    ///< (H, W, C)
  cnnrnn::Index classes;  ///< of each image, or of each pixel
  cnnrnn::Index train_batch;
  cnnrnn::Index infer_batch;
  std::function<std::unique_ptr<Layer>(cnnrnn::Random&)> make;

  cnnrnn::Tensor<float> images(cnnrnn::Index count) const {
    return random_tensor({count, image[0], image[1], image[2]});
  }
};

/// A network, its optimizer and a batch.
class Training {
 public:
  explicit Training(const NetworkCase& network)
      : model_(network.make(random_)),
        adam_(model_->parameters(), {.learning_rate = 1e-3}),
        images_(network.images(network.train_batch)),
        classes_(network.classes) {}

  void step() {
    using namespace cnnrnn;
    const auto y = (*model_)(images_);
    const auto logits = y.rank() == 2 ? y : reshape(y, {y.value().size() / classes_, classes_});
    const auto loss = cross_entropy(logits, labels(logits.dim(0)));
    adam_.zero_grad();
    loss.backward();
    adam_.step();
  }

 private:
  /// The same in each step.
  const cnnrnn::Tensor<cnnrnn::Index>& labels(cnnrnn::Index count) {
    if (!labels_.defined()) {
      labels_ = cnnrnn::Tensor<cnnrnn::Index>({count});
      for (cnnrnn::Index& label : labels_.mutable_span()) {
        label = static_cast<cnnrnn::Index>(random_.below(classes_));
      }
    }
    return labels_;
  }

  cnnrnn::Random random_{1};
  std::unique_ptr<NetworkCase::Layer> model_;
  cnnrnn::optim::Adam<float> adam_;
  cnnrnn::Variable<float> images_;
  cnnrnn::Index classes_;
  cnnrnn::Tensor<cnnrnn::Index> labels_;
};

inline void report_images(benchmark::State& state, cnnrnn::Index images, double seconds) {
  state.counters["items_per_second"] = static_cast<double>(images) / seconds;
}

inline void train(benchmark::State& state, const NetworkCase& network) {
  Training training(network);
  report_images(state, network.train_batch, time_iterations(state, [&] { training.step(); }));
}

inline void infer(benchmark::State& state, const NetworkCase& network, cnnrnn::Index images) {
  using namespace cnnrnn;
  Random random(1);
  const auto model = network.make(random);
  model->eval();
  const NoGradGuard no_grad;
  const Variable<float> x(network.images(images));
  report_images(state, images, time_iterations(state, [&] { (*model)(x); }));
}

inline void memory(benchmark::State& state, const NetworkCase& network) {
  train(state, network);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

template <class Body>
benchmark::internal::Benchmark* add(const std::string& name, const Body& body) {
  return benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond);
}

/// Adds train/NAME, infer/NAME, latency/NAME and memory/NAME of each network.
inline void add_networks(const std::vector<NetworkCase>& networks) {
  const auto add_all = [&](const std::string& kind, const auto& body) {
    for (const auto& network : networks) {
      const auto added = add(kind + '/' + network.name,
                             [network, body](benchmark::State& state) { body(state, network); });
      if (kind == "memory") {
        added->Iterations(20);
      }
    }
  };
  add_all("train", train);
  add_all("infer", [](benchmark::State& state, const NetworkCase& network) {
    infer(state, network, network.infer_batch);
  });
  add_all("latency",
          [](benchmark::State& state, const NetworkCase& network) { infer(state, network, 1); });
  add_all("memory", memory);
}

}  // namespace bench
