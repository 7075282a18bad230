#include "cnnrnn/nn/state_dict.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// A module with one part of each kind.
class Part : public nn::Module<float> {
 public:
  explicit Part(float value)
      : weight_(Tensor<float>::full({2, 3}, value), true), mean_(Tensor<float>::full({3}, value)) {}

  void visit(nn::Visitor<float>& visitor) override {
    visitor("weight", weight_);
    visitor("bias", bias_);  // undefined, as in a layer without one
    visitor("running_mean", mean_);
    visitor("num_batches_tracked", count_);
    visitor("random", random_);
  }
  std::string describe() const override { return "Part"; }

  Variable<float> weight_;
  Variable<float> bias_;
  Tensor<float> mean_;
  Tensor<Index> count_ = Tensor<Index>::scalar(0);
  Random random_{7};
};

class Whole : public nn::Module<float> {
 public:
  explicit Whole(float value) : parts_{Part(value), Part(2 * value)} {}
  void visit(nn::Visitor<float>& visitor) override { visitor("parts", parts_); }
  std::string describe() const override { return "Whole"; }

  std::vector<Part> parts_;
};

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> result;
  for (const auto& [key, value] : map) {
    result.push_back(key);
  }
  return result;
}

}  // namespace

TEST_CASE("the state has PyTorch's paths, and random states apart") {
  Whole whole(1);
  const auto state = nn::state_dict(whole);
  CHECK(keys(state.tensors) == std::vector<std::string>{"parts.0.running_mean", "parts.0.weight",
                                                        "parts.1.running_mean", "parts.1.weight"});
  CHECK(keys(state.counters) ==
        std::vector<std::string>{"parts.0.num_batches_tracked", "parts.1.num_batches_tracked"});
  CHECK(keys(state.random_states) == std::vector<std::string>{"parts.0.random", "parts.1.random"});
  CHECK(state.tensors.at("parts.1.weight")(1, 2) == 2);
  const auto copy = state.clone();
  whole.parts_[1].weight_.mutable_value().mutable_at(1, 2) = 5;
  CHECK(state.tensors.at("parts.1.weight")(1, 2) == 5);
  CHECK(copy.tensors.at("parts.1.weight")(1, 2) == 2);
}

TEST_CASE("a loaded state is the other's, in memory of its own") {
  Whole from(1);
  from.parts_[0].count_.mutable_at() = 9;
  from.parts_[1].random_.bits();
  Whole to(3);
  const auto memory = to.parts_[0].weight_.value();
  nn::load_state_dict(to, nn::state_dict(from));
  CHECK(memory(0, 0) == 1);
  CHECK(to.parts_[1].mean_(2) == 2);
  CHECK(to.parts_[0].count_.item() == 9);
  CHECK(to.parts_[1].random_.state() == from.parts_[1].random_.state());
  CHECK_FALSE(memory.shares_memory_with(from.parts_[0].weight_.value()));

  auto without_random = nn::state_dict(from);
  without_random.random_states.clear();
  nn::load_state_dict(to, without_random);
  CHECK(to.parts_[1].random_.state() == from.parts_[1].random_.state());
}

TEST_CASE("a state that does not fit is refused with all differences, and changes nothing") {
  Whole whole(1);
  auto state = nn::state_dict(whole).clone();
  for (auto& [name, tensor] : state.tensors) {
    tensor = Tensor<float>::zeros(tensor.shape());
  }
  state.tensors.erase("parts.0.weight");
  state.tensors["parts.2.weight"] = Tensor<float>::zeros({1});
  state.tensors["parts.1.running_mean"] = Tensor<float>::zeros({4});
  CHECK_THROWS_WITH(
      nn::load_state_dict(whole, state),
      "load_state_dict: expected the state of Whole, got 1 missing: parts.0.weight; 1 "
      "unexpected: parts.2.weight; 1 of another shape: parts.1.running_mean: "
      "expected (3,), got (4,)");
  CHECK(whole.parts_[1].weight_.value()(0, 0) == 2);

  nn::StateDict<float> empty;
  CHECK_THROWS_WITH(nn::load_state_dict(whole, empty),
                    Contains("6 missing: parts.0.running_mean, parts.0.weight"));
  auto other_random = nn::state_dict(whole);
  other_random.random_states.erase("parts.1.random");
  CHECK_THROWS_WITH(nn::load_state_dict(whole, other_random),
                    Contains("1 missing: parts.1.random"));
  for (int i = 0; i < 9; ++i) {
    empty.tensors[to_message("x", i)] = Tensor<float>::zeros({1});
  }
  CHECK_THROWS_WITH(nn::load_state_dict(whole, empty),
                    Contains("9 unexpected: x0, x1, x2, x3, x4, ..."));
}

namespace {

/// A slip that copying a line makes: two parts under one name.
class Twice : public nn::Module<float> {
 public:
  void visit(nn::Visitor<float>& visitor) override {
    visitor("weight", a_);
    visitor("weight", b_);
  }
  std::string describe() const override { return "Twice"; }

 private:
  Variable<float> a_{Tensor<float>::ones({2}), true};
  Variable<float> b_{Tensor<float>::ones({2}), true};
};

/// The same of counters and of random generators.
template <class Kept>
class TwiceKept : public nn::Module<float> {
 public:
  explicit TwiceKept(const Kept& kept) : a_(kept), b_(kept) {}
  void visit(nn::Visitor<float>& visitor) override {
    visitor("kept", a_);
    visitor("kept", b_);
  }
  std::string describe() const override { return "TwiceKept"; }

 private:
  Kept a_;
  Kept b_;
};

}  // namespace

TEST_CASE("two parts under one name are an error, not a lost weight") {
  TwiceKept<Tensor<Index>> counters(Tensor<Index>::scalar(1));
  CHECK_THROWS_WITH(nn::state_dict(counters),
                    "state_dict: expected every name once, got kept twice");
  TwiceKept<Random> generators(Random(1));
  CHECK_THROWS_WITH(nn::state_dict(generators),
                    "state_dict: expected every name once, got kept twice");
  Twice twice;
  CHECK_THROWS_WITH(nn::state_dict(twice),
                    "state_dict: expected every name once, got weight twice");
}

namespace {

/// Two parts with the parameters, buffers and counters of one, and one of its own.
class Tied : public nn::Module<float> {
 public:
  explicit Tied(float value) : part_(value), copy_(part_), own_(2 * value) {}
  void visit(nn::Visitor<float>& visitor) override {
    visitor("part", part_);
    visitor("again", copy_);
    visitor("own", own_);
  }
  std::string describe() const override { return "Tied"; }

  Part part_;
  Part copy_;
  Part own_;
};

}  // namespace

TEST_CASE("the state has what is shared at all its paths, and tells the first") {
  Tied tied(1);
  const auto state = nn::state_dict(tied);
  CHECK(state.tensors.size() == 6);
  CHECK(state.shared == std::map<std::string, std::string>{
                            {"again.num_batches_tracked", "part.num_batches_tracked"},
                            {"again.running_mean", "part.running_mean"},
                            {"again.weight", "part.weight"}});
}

TEST_CASE("a state may have what is shared under any of its paths, or the same under several") {
  Tied from(4);
  from.copy_.count_.mutable_at() = 6;
  for (const std::string missing : {"", "part", "again"}) {
    CAPTURE(missing);
    auto state = nn::state_dict(from).clone();
    for (const char* name : {".weight", ".running_mean"}) {
      state.tensors.erase(missing + name);
    }
    state.counters.erase(missing + ".num_batches_tracked");
    Tied to(1);
    CHECK(nn::state_differences(to, state).empty());
    nn::load_state_dict(to, state);
    CHECK(to.part_.weight_.value()(1, 1) == 4);
    CHECK(to.copy_.mean_(1) == 4);
    CHECK(to.part_.count_.item() == 6);
    CHECK(to.own_.mean_(1) == 8);
    CHECK(to.part_.weight_.value().shares_memory_with(to.copy_.weight_.value()));
  }
}

TEST_CASE("a shared tensor with different values is refused, also in parts") {
  Tied tied(1);
  auto state = nn::state_dict(tied).clone();
  state.tensors.at("own.weight").mutable_at(0, 0) = 7;
  state.tensors.at("again.weight").mutable_at(0, 0) = 5;
  state.counters.at("again.num_batches_tracked").mutable_at() = 5;
  const std::string message =
      "load_state_dict: expected the state of Tied, got 2 shared with different values: "
      "again.weight and part.weight, again.num_batches_tracked and part.num_batches_tracked";
  CHECK_THROWS_WITH(nn::load_state_dict(tied, state), message);
  CHECK_THROWS_WITH(nn::load_state_dict(tied, state, {.strict = false}), message);
  CHECK(tied.own_.weight_.value()(0, 0) == 2);
}

TEST_CASE("a shared tensor that has another shape under one of its paths fits under the other") {
  for (const std::string wrong : {"part", "again"}) {
    CAPTURE(wrong);
    Tied tied(1);
    auto state = nn::state_dict(tied).clone();
    state.tensors.at("part.weight").mutable_at(0, 0) = 5;
    state.tensors.at("again.weight").mutable_at(0, 0) = 5;
    state.tensors.at(wrong + ".weight") = Tensor<float>::zeros({4, 2});
    CHECK_THROWS_WITH(nn::load_state_dict(tied, state),
                      Contains("got 1 of another shape: " + wrong));
    const auto left = nn::load_state_dict(tied, state, {.strict = false});
    CHECK(left.mismatched_keys == std::vector<std::string>{wrong + ".weight"});
    CHECK(tied.part_.weight_.value()(0, 0) == 5);

    state.tensors.at("part.weight") = Tensor<float>::zeros({4, 2});
    state.tensors.at("again.weight") = Tensor<float>::ones({4, 2});
    CHECK(nn::load_state_dict(tied, state, {.strict = false}).mismatched_keys.size() == 2);
  }
}

TEST_CASE("what fits of a state is loaded if it need not be all, and the rest is told") {
  Whole whole(1);
  const auto random = whole.parts_[1].random_.state();
  auto state = nn::state_dict(whole).clone();
  for (auto& [name, tensor] : state.tensors) {
    tensor = Tensor<float>::zeros(tensor.shape());
  }
  state.tensors.erase("parts.0.weight");
  state.counters.erase("parts.0.num_batches_tracked");
  state.random_states.erase("parts.1.random");
  state.tensors["parts.2.weight"] = Tensor<float>::zeros({1});
  state.tensors["parts.1.running_mean"] = Tensor<float>::zeros({4});
  const auto left = nn::load_state_dict(whole, state, {.strict = false});
  using Names = std::vector<std::string>;
  CHECK(left.missing_keys ==
        Names{"parts.0.weight", "parts.0.num_batches_tracked", "parts.1.random"});
  CHECK(left.unexpected_keys == Names{"parts.2.weight"});
  CHECK(left.mismatched_keys == Names{"parts.1.running_mean"});
  CHECK(whole.parts_[0].weight_.value()(0, 0) == 1);
  CHECK(whole.parts_[0].mean_(0) == 0);
  CHECK(whole.parts_[1].weight_.value()(0, 0) == 0);
  CHECK(whole.parts_[1].mean_(0) == 2);
  CHECK(whole.parts_[1].random_.state() == random);

  const auto all = nn::load_state_dict(whole, nn::state_dict(whole));
  CHECK(all.missing_keys.empty());
  CHECK(all.unexpected_keys.empty());
  CHECK(all.mismatched_keys.empty());
}
