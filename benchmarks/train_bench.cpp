// Times whole networks on synthetic images, as many names as there are networks; with /bf16 behind
// a name, networks of bfloat16:
//
//   train/MODEL     a step with Adam on a batch of 128: forward, loss, backward, update
//   infer/MODEL     a batch of 128
//   latency/MODEL   a single image
//   memory/MODEL    a short training run, alone in its process, for its peak of resident memory
#include "models/by_name.hpp"
#include "support/main.hpp"
#include "support/network_cases.hpp"

namespace {

template <class T>
std::vector<bench::NetworkCase<T>> networks() {
  std::vector<bench::NetworkCase<T>> result;
  for (const auto& name : network_names()) {
    result.push_back(
        {.name = name,
         .image = {32, 32, 3},
         .classes = 10,
         .train_batch = 128,
         .infer_batch = 128,
         .make = [name](cnnrnn::Random& random) { return make_network<T>(name, random); }});
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  bench::add_networks(networks<float>());
  bench::add_networks(networks<cnnrnn::bfloat16>());
  return bench::main(argc, argv);
}
