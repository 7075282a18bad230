// A small CNN-RNN, made of the same parts as the paper's, against the same network in PyTorch.
#include <map>
#include <string>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/rnn_tap.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "cnnrnn/ops/concat.hpp"
#include "cnnrnn/ops/cross_entropy.hpp"
#include "cnnrnn/ops/flatten.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

using namespace cnnrnn;

namespace {

/// tests/pytorch/networks.py: Plain(((3, 3), (5, 5)), dense=(7,), patches=(2, 2), units=3, size=8).
template <class T>
class SmallCnnRnn : public nn::Module<T> {
 public:
  explicit SmallCnnRnn(Random& random)
      : head_(nn::Linear<T>(2 * 2 * 5, 7, random), nn::Relu<T>()),
        out_(7 + 2 * 2 * 3 + 2 * 3, 4, random) {
    stages_.push_back(stage(3, 3, random));
    stages_.push_back(stage(3, 5, random));
    for (const Index k : {0, 1}) {
      taps_.push_back(nn::RnnTap<T>(nn::LstmRows<T>({.channels = k == 0 ? 3 : 5,
                                                     .height = k == 0 ? 4 : 2,
                                                     .width = k == 0 ? 4 : 2,
                                                     .patch = 2,
                                                     .units = 3},
                                                    random)));
    }
  }

  Variable<T> operator()(const Variable<T>& x) {
    const auto a = stages_[0](x);
    const auto b = stages_[1](a);
    return out_(concat<T>({head_(flatten(b)), taps_[0](a), taps_[1](b)}));
  }

  void visit(nn::Visitor<T>& visitor) override {
    visitor("stages", stages_);
    visitor("taps", taps_);
    visitor("head", head_);
    visitor("out", out_);
  }

  std::string describe() const override { return "SmallCnnRnn"; }

 private:
  static nn::Sequential<T> stage(Index in, Index out, Random& random) {
    const nn::Conv2dOptions same{.kernel = 3, .padding = 1, .bias = false};
    return nn::Sequential<T>(nn::Conv2d<T>(in, out, same, random), nn::BatchNorm2d<T>(out),
                             nn::Relu<T>(), nn::Conv2d<T>(out, out, same, random),
                             nn::BatchNorm2d<T>(out), nn::Relu<T>(), nn::MaxPool2d<T>());
  }

  std::vector<nn::Sequential<T>> stages_;
  std::vector<nn::RnnTap<T>> taps_;
  nn::Sequential<T> head_;
  nn::Linear<T> out_;
};

/// The state that the fixture holds under `part/`.
template <class T>
nn::StateDict<T> state_of(const Fixture& fixture, const std::string& part) {
  nn::StateDict<T> state;
  for (const auto& [path, tensor] : fixture.file().tensors) {
    if (!path.starts_with(part + "/")) {
      continue;
    }
    const std::string name = path.substr(part.size() + 1);
    if (name.ends_with("num_batches_tracked")) {
      state.counters[name] = fixture.get<Index>(path);
    } else {
      state.tensors[name] = fixture.get<T>(path);
    }
  }
  return state;
}

template <class T>
void train_like_pytorch(double tolerance) {
  const Fixture fixture("small_cnn_rnn");
  Random random(1);
  SmallCnnRnn<T> model(random);
  nn::load_state_dict(model, state_of<T>(fixture, "start"));
  optim::Adam<T> adam(model.parameters(), {.learning_rate = 1e-2});

  const Variable<T> x(fixture.get<T>("x"));
  const auto labels = fixture.get<Index>("labels");
  const auto expected = fixture.get<T>("losses");
  for (Index step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    const auto loss = cross_entropy(model(x), labels);
    CHECK(loss.item() == Approx(expected(step)).epsilon(tolerance));
    adam.zero_grad();
    loss.backward();
    adam.step();
  }

  auto state = nn::state_dict(model);
  const auto end = state_of<T>(fixture, "end");
  for (const auto& [name, tensor] : end.tensors) {
    CAPTURE(name);
    require_close(state.tensors.at(name), tensor, 10 * tolerance);
  }
  model.eval();
  require_close(model(x).value(), fixture.get<T>("logits"), 10 * tolerance);
}

}  // namespace

TEST_CASE("twenty steps of Adam give PyTorch's losses, in double and in float") {
  train_like_pytorch<double>(1e-9);
  train_like_pytorch<float>(1e-3);
}
