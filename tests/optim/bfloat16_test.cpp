#include <memory>
#include <string>

#include "cnnrnn/io/checkpoint.hpp"
#include "cnnrnn/io/model.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/dropout.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "cnnrnn/optim/adam.hpp"
#include "cnnrnn/optim/clip_grad_norm.hpp"
#include "cnnrnn/optim/exponential_moving_average.hpp"
#include "cnnrnn/optim/lookahead.hpp"
#include "cnnrnn/optim/muon.hpp"
#include "cnnrnn/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"
#include "support/temporary_folder.hpp"

// Parameters of bfloat16 and their masters in float: steps, averages, files.

using namespace cnnrnn;

namespace {

nn::Sequential<bfloat16> network(std::uint64_t seed) {
  Random random(seed);
  return nn::Sequential<bfloat16>(nn::Linear<bfloat16>(5, 7, random), nn::BatchNorm1d<bfloat16>(7),
                                  nn::Dropout<bfloat16>(0.3, random),
                                  nn::Linear<bfloat16>(7, 3, random));
}

void run_steps(nn::Sequential<bfloat16>& model, optim::Optimizer<bfloat16>& optimizer, int first,
               int steps) {
  for (int step = first; step < first + steps; ++step) {
    const auto x = random_tensor<bfloat16>({6, 5}, static_cast<std::uint64_t>(step));
    optimizer.zero_grad();
    mean(model(Variable<bfloat16>(x))).backward();
    optimizer.step();
  }
}

bool same_state(nn::Module<bfloat16>& a, nn::Module<bfloat16>& b) {
  const auto one = nn::state_dict(a);
  const auto other = nn::state_dict(b);
  bool same = one.tensors.size() == other.tensors.size();
  for (const auto& [name, tensor] : one.tensors) {
    same = same && same_bytes(tensor, other.tensors.at(name));
  }
  return same;
}

/// Whether every value is its master, rounded.
bool rounded_masters(nn::Module<bfloat16>& model) {
  bool all = true;
  for (auto& parameter : model.parameters()) {
    for (Index i = 0; i < parameter.value().size(); ++i) {
      all = all && parameter.value().data()[i].bits == bfloat16(parameter.master().data()[i]).bits;
    }
  }
  return all;
}

}  // namespace

TEST_CASE("steps too small for bfloat16 add up in the master") {
  Variable<bfloat16> w(Tensor<bfloat16>::ones({1}), true);
  optim::Sgd<bfloat16> sgd({w}, {.learning_rate = 0x1p-12});
  for (int step = 0; step < 64; ++step) {
    w.set_grad(Tensor<bfloat16>::ones({1}));
    sgd.step();
    CHECK(w.master()(0) == 1 - static_cast<float>(step + 1) * 0x1p-12F);
    CHECK(w.value()(0).bits == bfloat16(w.master()(0)).bits);
  }
  CHECK(w.value()(0) == 1 - 0x1p-6F);
}

namespace {

/// Steps on a weight of bfloat16 and, with the same gradients, on one of float.
template <template <class> class Optimizer, class Options>
void check_steps(const Options& options) {
  const Shape shape{5, 7};
  Variable<bfloat16> w(random_tensor<bfloat16>(shape, 1), true);
  Variable<float> plain(w.value().to<float>(), true);
  Optimizer<bfloat16> narrow({w}, options);
  Optimizer<float> wide({plain}, options);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto gradient = random_tensor<bfloat16>(shape, 2 + step);
    w.set_grad(gradient);
    plain.set_grad(gradient.to<float>());
    narrow.step();
    wide.step();
    CHECK(same_bytes(w.master(), plain.value()));
    CHECK(same_bytes(w.value(), plain.value().to<bfloat16>()));
  }
}

}  // namespace

TEST_CASE("a step on bfloat16 is one on its master, which is rounded") {
  check_steps<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1});
  check_steps<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.9});
  check_steps<optim::Adam>(optim::AdamOptions{.weight_decay = 0.1});
  check_steps<optim::AdamW>(optim::AdamWOptions{});
  check_steps<optim::Muon>(optim::MuonOptions{});
}

TEST_CASE("a value that somebody writes to is the master again") {
  Variable<bfloat16> w(Tensor<bfloat16>::ones({2}), true);
  const auto master = w.master();
  w.mutable_value().mutable_at(1) = bfloat16(3);
  CHECK(w.master().shares_memory_with(master));
  CHECK(master(0) == 1);
  CHECK(master(1) == 3);
  Variable<bfloat16> other = w;
  w.master().mutable_at(0) = 1.001F;
  w.round_master();
  CHECK(other.master()(0) == 1.001F);
  CHECK(other.value()(0) == 1);
  Variable<bfloat16> constant(Tensor<bfloat16>::ones({1}));
  CHECK(constant.master()(0) == 1);
  CHECK(!constant.requires_grad());
  Variable<double> whole(Tensor<double>::ones({1}), true);
  CHECK(whole.master().shares_memory_with(whole.value()));
}

TEST_CASE("a run of bfloat16 that is saved and resumed has the same bytes") {
  const TemporaryFolder folder;
  auto model = network(1);
  optim::AdamW<bfloat16> adam(model.parameters(), {.learning_rate = 1e-3});
  run_steps(model, adam, 0, 5);
  io::save_checkpoint(folder.file("run"), model, adam, "a run", {});
  run_steps(model, adam, 5, 5);

  auto resumed = network(2);
  optim::AdamW<bfloat16> again(resumed.parameters(), {.learning_rate = 1e-3});
  io::load_checkpoint(folder.file("run"), resumed, again, "a run", [](const auto&) {});
  CHECK(rounded_masters(resumed));
  run_steps(resumed, again, 5, 5);
  CHECK(same_state(model, resumed));
  CHECK(rounded_masters(resumed));
}

TEST_CASE("a model of bfloat16 saves its masters, or itself") {
  const TemporaryFolder folder;
  auto model = network(1);
  optim::Adam<bfloat16> adam(model.parameters(), {.learning_rate = 1e-3});
  run_steps(model, adam, 0, 3);
  io::save(folder.file("masters"), model);
  io::save(folder.file("values"), model, {}, {.bfloat16 = true});
  const auto masters = io::read_safetensors(folder.file("masters"));
  const auto values = io::read_safetensors(folder.file("values"));
  CHECK(std::holds_alternative<Tensor<float>>(masters.tensors.at("0.weight")));
  CHECK(std::holds_alternative<Tensor<bfloat16>>(values.tensors.at("0.weight")));

  auto loaded = network(2);
  io::load(folder.file("masters"), loaded);
  CHECK(same_state(model, loaded));
  CHECK(rounded_masters(loaded));
  io::load(folder.file("values"), loaded);
  const auto expected = model.parameters();
  for (std::size_t k = 0; const auto& parameter : loaded.parameters()) {
    CHECK(same_bytes(parameter.value(), expected[k++].value()));
  }
}

TEST_CASE("a model that is only to predict can do without masters") {
  auto model = network(1);
  auto frozen = model.parameters().front();
  for (auto& parameter : model.parameters()) {
    parameter.master().mutable_data()[0] = 1.001F;
    parameter.round_master();
  }
  nn::drop_masters(model);
  CHECK(!frozen.edge().record->master.tensor.defined());
  CHECK(frozen.value()(0, 0) == 1);
  CHECK(frozen.master()(0, 0) == 1);
  nn::Sequential<float> plain;
  nn::drop_masters(plain);  // has none
}

TEST_CASE("averages and slow weights of bfloat16 follow the masters") {
  auto model = network(1);
  optim::Sgd<bfloat16> sgd(model.parameters(), {.learning_rate = 1e-4});
  optim::ExponentialMovingAverage<bfloat16> average(model, {.decay = 0.5});
  optim::Lookahead<bfloat16> lookahead(model, {.every = 1, .share = 0.25});
  const auto before = nn::state_dict(model).clone();
  run_steps(model, sgd, 0, 1);
  const auto after = nn::state_dict(model).clone();
  average.update();
  const auto& name = "3.bias";
  const float from = before.tensors.at(name)(0);
  const float to = after.tensors.at(name)(0);
  REQUIRE(from != to);
  CHECK(average.state().tensors.at(name)(0) == Approx(from + 0.5F * (to - from)).epsilon(1e-6));
  {
    const float averaged = average.state().tensors.at(name)(0);
    const auto swapped = average.swapped_in();
    CHECK(nn::state_dict(model).tensors.at(name)(0) == averaged);
    CHECK(rounded_masters(model));
  }
  CHECK(nn::state_dict(model).tensors.at(name)(0) == to);
  lookahead.step();
  CHECK(nn::state_dict(model).tensors.at(name)(0) ==
        Approx(from + 0.25F * (to - from)).epsilon(1e-6));
  CHECK(rounded_masters(model));
}

TEST_CASE("gradients of bfloat16 are clipped by a norm in double") {
  Variable<bfloat16> w(Tensor<bfloat16>::ones({300}), true);
  w.set_grad(Tensor<bfloat16>::full({300}, bfloat16(0.5)));
  CHECK(optim::clip_grad_norm<bfloat16>({w}, 1) == Approx(std::sqrt(75.0)));
  CHECK(w.grad()(0) == Approx(0.5 / std::sqrt(75.0)).epsilon(0x1p-8));
}

TEST_CASE("running statistics of bfloat16 are float") {
  auto model = network(1);
  optim::Sgd<bfloat16> sgd(model.parameters(), {.learning_rate = 0});
  run_steps(model, sgd, 0, 3);
  const auto mean = nn::state_dict(model).tensors.at("1.running_mean");
  bool finer = false;
  for (const float value : mean.span()) {
    finer = finer || static_cast<float>(bfloat16(value)) != value;
  }
  CHECK(finer);
}
