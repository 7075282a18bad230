// Times the networks of the zoo on synthetic images of the size that they were made for; with /bf16
// behind a name, networks of bfloat16:
//
//   train/MODEL     a step with Adam on a batch of 8 (unet 4): forward, loss, backward, update
//   infer/MODEL     a batch of 32 (unet 4)
//   latency/MODEL   a single image
//   memory/MODEL    a short training run, alone in its process, for its peak of resident memory
#include "models/zoo/by_name.hpp"
#include "models/zoo/unet.hpp"
#include "support/main.hpp"
#include "support/network_cases.hpp"

namespace {

template <class T>
std::vector<bench::NetworkCase<T>> networks() {
  std::vector<bench::NetworkCase<T>> result;
  for (const auto& classifier : zoo_classifiers<T>()) {
    const auto& [classes, channels] = classifier.options;
    result.push_back({.name = classifier.name,
                      .image = {classifier.image, classifier.image, channels},
                      .classes = classes,
                      .train_batch = 8,
                      .infer_batch = 32,
                      .make = [classifier](cnnrnn::Random& random) {
                        return classifier.make(classifier.options, random);
                      }});
  }
  for (const bool bilinear : {false, true}) {
    result.push_back({.name = bilinear ? "unet_bilinear" : "unet",
                      .image = {128, 128, 3},
                      .classes = 2,
                      .train_batch = 4,
                      .infer_batch = 4,
                      .make = [bilinear](cnnrnn::Random& random) {
                        return std::make_unique<UNet<T>>(UNetOptions{.bilinear = bilinear},
                                                             random);
                      }});
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  bench::add_networks(networks<float>());
  bench::add_networks(networks<cnnrnn::bfloat16>());
  return bench::main(argc, argv);
}
