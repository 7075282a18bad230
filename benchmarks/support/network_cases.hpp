#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "support/precision.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

namespace bench {

/// A network of numbers of T whose speed is measured.
template <class T>
struct NetworkCase {
  using Layer = cnnrnn::nn::Layer<T>;

  std::string name;
  cnnrnn::Shape image;    ///< (H, W, C)
  cnnrnn::Index classes;  ///< of each image, or of each pixel
  cnnrnn::Index train_batch;
  cnnrnn::Index infer_batch;
  std::function<std::unique_ptr<Layer>(cnnrnn::Random&)> make;

  cnnrnn::Tensor<T> images(cnnrnn::Index count) const {
    return random_tensor<T>({count, image[0], image[1], image[2]});
  }
};

/// A network, its optimizer and a batch.
template <class T>
class Training {
 public:
  explicit Training(const NetworkCase<T>& network)
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
  std::unique_ptr<cnnrnn::nn::Layer<T>> model_;
  cnnrnn::optim::Adam<T> adam_;
  cnnrnn::Variable<T> images_;
  cnnrnn::Index classes_;
  cnnrnn::Tensor<cnnrnn::Index> labels_;
};

inline void report_images(benchmark::State& state, cnnrnn::Index images, double seconds) {
  state.counters["items_per_second"] = static_cast<double>(images) / seconds;
}

template <class T>
void train(benchmark::State& state, const NetworkCase<T>& network) {
  Training<T> training(network);
  report_images(state, network.train_batch, time_iterations(state, [&] { training.step(); }));
}

template <class T>
void infer(benchmark::State& state, const NetworkCase<T>& network, cnnrnn::Index images) {
  using namespace cnnrnn;
  Random random(1);
  const auto model = network.make(random);
  model->eval();
  const NoGradGuard no_grad;
  const Variable<T> x(network.images(images));
  report_images(state, images, time_iterations(state, [&] { (*model)(x); }));
}

template <class T>
void memory(benchmark::State& state, const NetworkCase<T>& network) {
  train(state, network);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

template <class Body>
benchmark::internal::Benchmark* add(const std::string& name, const Body& body) {
  return benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond);
}

/// Adds train/NAME, infer/NAME, latency/NAME and memory/NAME of each network; of one of bfloat16
/// with /bf16 behind it.
template <class T>
void add_networks(const std::vector<NetworkCase<T>>& networks) {
  using State = benchmark::State;
  using Case = NetworkCase<T>;
  const auto add_all = [&](const std::string& kind, const auto& body) {
    for (const auto& network : networks) {
      const auto added = add(kind + '/' + network.name + precision_suffix<T>,
                             [network, body](State& state) { body(state, network); });
      if (kind == "memory") {
        added->Iterations(20);
      }
    }
  };
  add_all("train", train<T>);
  add_all("infer",
          [](State& state, const Case& network) { infer(state, network, network.infer_batch); });
  add_all("latency", [](State& state, const Case& network) { infer(state, network, 1); });
  add_all("memory", memory<T>);
}

}  // namespace bench
