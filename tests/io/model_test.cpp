#include "cnnrnn/io/model.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

using Names = std::vector<std::string>;

template <class T>
nn::Sequential<T> network(std::uint64_t seed, Index hidden = 5) {
  Random random(seed);
  return nn::Sequential<T>(nn::Linear<T>(4, hidden, random), nn::BatchNorm1d<T>(hidden),
                           nn::Linear<T>(hidden, 3, {.bias = false}, random));
}

template <class T, class U>
bool same_parameters(nn::Module<T>& a, nn::Module<U>& b) {
  const auto x = nn::state_dict(a);
  const auto y = nn::state_dict(b);
  for (const auto& [name, tensor] : x.tensors) {
    const auto other = y.tensors.at(name).template to<T>();
    if (!std::equal(tensor.span().begin(), tensor.span().end(), other.data())) {
      return false;
    }
  }
  return true;
}

/// Two dense layers that share their weights, as copies do, and one of its own.
nn::Sequential<float> tied_network(std::uint64_t seed) {
  Random random(seed);
  const nn::Linear<float> shared(4, 4, random);
  return nn::Sequential<float>(shared, nn::Relu<float>(), shared, nn::Linear<float>(4, 3, random));
}

std::vector<std::string> names_in(const io::SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, any] : file.tensors) {
    names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("a saved model is a plain state dict") {
  const TemporaryFolder folder;
  auto model = network<float>(1);
  io::save(folder.file("m"), model, {{"rnn", "none"}});
  const auto file = io::read_safetensors(folder.file("m"));
  CHECK(names_in(file) == Names{"0.bias", "0.weight", "1.bias", "1.num_batches_tracked",
                                "1.running_mean", "1.running_var", "1.weight", "2.weight"});
  CHECK(std::get<Tensor<float>>(file.tensors.at("0.weight")).shape() == Shape{5, 4});
  CHECK(std::get<Tensor<Index>>(file.tensors.at("1.num_batches_tracked")).shape() == Shape{});
}

TEMPLATE_TEST_CASE("a model is loaded as it was saved", "", float, double) {
  const TemporaryFolder folder;
  auto model = network<TestType>(1);
  auto other = network<TestType>(2);
  CHECK_FALSE(same_parameters(model, other));
  io::save(folder.file("m"), model, {{"rnn", "none"}});
  CHECK(io::load(folder.file("m"), other).metadata == io::Metadata{{"rnn", "none"}});
  CHECK(same_parameters(model, other));
}

TEST_CASE("another floating-point type is refused, or converted if asked for") {
  const TemporaryFolder folder;
  auto in_double = network<double>(1);
  auto in_float = network<float>(2);
  io::save(folder.file("m"), in_double);
  CHECK_THROWS_WITH(io::load(folder.file("m"), in_float),
                    folder.file("m") +
                        ": tensor \"0.bias\": expected type F32, got F64 (ask for it "
                        "with {.convert = true})");
  io::load(folder.file("m"), in_float, {.convert = true});
  CHECK(same_parameters(in_float, in_double));

  auto file = io::read_safetensors(folder.file("m"));
  file.tensors["0.bias"] = Tensor<std::int32_t>::zeros({5});
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), in_double, {.convert = true}),
                    folder.file("m") + ": tensor \"0.bias\": expected type F64, got I32");
}

TEST_CASE("counts of batches may be of any type of number, of one element, or missing") {
  const TemporaryFolder folder;
  auto model = network<double>(1);
  io::save(folder.file("m"), model);
  auto file = io::read_safetensors(folder.file("m"));
  const auto load_with = [&](const io::AnyTensor& count) {
    file.tensors["1.num_batches_tracked"] = count;
    io::write_safetensors(folder.file("m"), file);
    io::load(folder.file("m"), model);
    return nn::state_dict(model).counters.at("1.num_batches_tracked").item();
  };
  CHECK(load_with(Tensor<Index>::scalar(1)) == 1);
  CHECK(load_with(Tensor<std::int32_t>::scalar(2)) == 2);
  CHECK(load_with(Tensor<std::uint8_t>::scalar(3)) == 3);
  CHECK(load_with(Tensor<std::uint64_t>::scalar(4)) == 4);
  CHECK(load_with(Tensor<float>::scalar(5)) == 5);
  CHECK(load_with(Tensor<io::Float16>::scalar({0x4600})) == 6);
  CHECK(load_with(Tensor<Index>({1}, {7})) == 7);
  CHECK(load_with(Tensor<float>({1}, {8})) == 8);
  file.tensors.erase("1.num_batches_tracked");
  io::write_safetensors(folder.file("m"), file);
  CHECK(io::load(folder.file("m"), model).missing_keys.empty());
  CHECK(nn::state_dict(model).counters.at("1.num_batches_tracked").item() == 8);

  const std::string tensor = folder.file("m") + ": tensor \"1.num_batches_tracked\": ";
  CHECK_THROWS_WITH(load_with(Tensor<io::TruthByte>::scalar(io::TruthByte::yes)),
                    tensor + "expected type I64, got BOOL");
  CHECK_THROWS_WITH(load_with(Tensor<Index>({2}, {1, 2})), Contains("expected (), got (2,)"));
  const std::string count = tensor + "expected a count of 0 or more and below 2^62, got ";
  CHECK_THROWS_WITH(load_with(Tensor<Index>::scalar(-1)), count + "-1");
  CHECK_THROWS_WITH(load_with(Tensor<Index>::scalar(Index{1} << 62)),
                    count + "4611686018427387904");
  CHECK_THROWS_WITH(load_with(Tensor<std::uint64_t>::scalar(~std::uint64_t{0})),
                    count + "18446744073709551615");
  CHECK_THROWS_WITH(load_with(Tensor<std::int8_t>::scalar(-2)), count + "-2");
  CHECK_THROWS_WITH(load_with(Tensor<float>::scalar(2.5F)), count + "2.5");
  CHECK_THROWS_WITH(load_with(Tensor<double>::scalar(0x1p62)), count + "4.61169e+18");
  CHECK_THROWS_WITH(load_with(Tensor<float>::scalar(std::numeric_limits<float>::quiet_NaN())),
                    count + "nan");
  CHECK(nn::state_dict(model).counters.at("1.num_batches_tracked").item() == 8);
}

TEST_CASE("a count that modules share is found under any of its names") {
  const TemporaryFolder folder;
  const nn::BatchNorm1d<float> shared(3);
  nn::Sequential<float> model(shared, shared);
  io::save(folder.file("m"), model);
  auto file = io::read_safetensors(folder.file("m"));
  CHECK(file.tensors.erase("0.num_batches_tracked") == 1);
  file.tensors["1.num_batches_tracked"] = Tensor<Index>::scalar(9);
  io::write_safetensors(folder.file("m"), file);
  io::load(folder.file("m"), model);
  CHECK(nn::state_dict(model).counters.at("0.num_batches_tracked").item() == 9);
}

namespace {

/// A module with a parameter that is one number.
class Scalar : public nn::Module<float> {
 public:
  void visit(nn::Visitor<float>& visitor) override { visitor("scale", scale); }
  std::string describe() const override { return "Scalar"; }

  Variable<float> scale{Tensor<float>::scalar(1), true};
};

}  // namespace

TEST_CASE("half precision becomes the model's type, and one element a scalar") {
  const TemporaryFolder folder;
  Scalar model;
  const auto load_with = [&](const io::AnyTensor& scale) {
    io::write_safetensors(folder.file("m"), {.tensors = {{"scale", scale}}, .metadata = {}});
    io::load(folder.file("m"), model);
    return model.scale.item();
  };
  CHECK(load_with(Tensor<float>({1}, {3})) == 3);
  CHECK(load_with(Tensor<io::Float16>::scalar({0xc100})) == -2.5F);
  CHECK(load_with(Tensor<bfloat16>({1}, {bfloat16(1)})) == 1);
  CHECK_THROWS_WITH(load_with(Tensor<io::TruthByte>::scalar(io::TruthByte::yes)),
                    folder.file("m") + ": tensor \"scale\": expected type F32, got BOOL");
  CHECK_THROWS_WITH(load_with(Tensor<float>::ones({1, 1})), Contains("expected (), got (1, 1)"));
}

TEST_CASE("a model saved in bfloat16 has numbers of eight bits, and counts as they were") {
  const TemporaryFolder folder;
  auto model = network<double>(1);
  io::save(folder.file("whole"), model);
  io::save(folder.file("half"), model, {{"made", "here"}}, {.bfloat16 = true});
  const auto half = io::read_safetensors(folder.file("half"));
  CHECK(half.metadata.at("made") == "here");
  CHECK(names_in(half) == names_in(io::read_safetensors(folder.file("whole"))));
  CHECK(std::holds_alternative<Tensor<std::int64_t>>(half.tensors.at("1.num_batches_tracked")));
  CHECK(std::holds_alternative<Tensor<io::BFloat16>>(half.tensors.at("1.running_var")));
  auto loaded = network<double>(2);
  io::load(folder.file("half"), loaded);
  const auto expected = model.named_parameters();
  for (std::size_t k = 0; const auto& [name, parameter] : loaded.named_parameters()) {
    const auto& exact = expected[k++].second.value();
    for (Index i = 0; i < exact.size(); ++i) {
      const double value = parameter.value().data()[i];
      CHECK(value == Approx(exact.data()[i]).epsilon(0x1p-8).margin(1e-30));
      CHECK(static_cast<float>(io::BFloat16::nearest(static_cast<float>(value))) == value);
    }
  }
}

TEST_CASE("tensors that nobody asked for are unexpected, whatever their type") {
  const TemporaryFolder folder;
  auto model = network<float>(1);
  io::save(folder.file("m"), model);
  auto file = io::read_safetensors(folder.file("m"));
  file.tensors["mask"] = Tensor<io::TruthByte>::full({2}, io::TruthByte::yes);
  file.tensors["position_ids"] = Tensor<std::int64_t>::zeros({3});
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), model), Contains("got 2 unexpected: mask, posi"));
  CHECK(io::load(folder.file("m"), model, {.strict = false}).unexpected_keys ==
        Names{"mask", "position_ids"});
}

TEST_CASE("a prefix is taken off the names that begin with it") {
  const TemporaryFolder folder;
  auto model = network<float>(1);
  io::save(folder.file("m"), model);
  io::SafetensorsFile file;
  for (const auto& [name, any] : io::read_safetensors(folder.file("m")).tensors) {
    file.tensors["module." + name] = any;
  }
  io::write_safetensors(folder.file("m"), file);
  auto other = network<float>(2);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other),
                    Contains("(take \"module.\" off the names with {.prefix = \"module.\"})"));
  CHECK_THROWS_WITH(io::load(folder.file("m"), other, {.strict = false}),
                    folder.file("m") +
                        ": expected some tensors of Sequential, got none (take \"module.\" off the "
                        "names with {.prefix = \"module.\"})");
  io::load(folder.file("m"), other, {.prefix = "module."});
  CHECK(same_parameters(model, other));

  file.tensors["0.bias"] = file.tensors["module.0.bias"];
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other, {.prefix = "module."}),
                    folder.file("m") +
                        ": expected every name once without \"module.\", got "
                        "\"0.bias\" twice");
  file.tensors["0.bias"] = Tensor<float>::zeros({5});
  io::write_safetensors(folder.file("m"), file);
  other = network<float>(2);
  CHECK(io::load(folder.file("m"), other, {.strict = false, .prefix = "module."}).unexpected_keys ==
        Names{"0.bias"});
  CHECK(same_parameters(model, other));
  file.tensors["0.bias"] = file.tensors["module.0.bias"];
  file.tensors.erase("module.0.bias");
  io::write_safetensors(folder.file("m"), file);
  io::load(folder.file("m"), other, {.prefix = "module."});
  CHECK(same_parameters(model, other));
}

TEST_CASE("what fits is loaded if it need not be all, and the rest is told") {
  const TemporaryFolder folder;
  auto model = network<float>(1);
  io::save(folder.file("m"), model, {{"rnn", "none"}});
  auto file = io::read_safetensors(folder.file("m"));
  file.tensors.erase("0.weight");
  file.tensors["2.weight"] = Tensor<float>::zeros({10, 5});  // another head
  file.tensors["fc.weight"] = Tensor<float>::zeros({1});
  io::write_safetensors(folder.file("m"), file);
  auto other = network<float>(2);
  const auto fresh = nn::state_dict(other).clone();
  const auto result = io::load(folder.file("m"), other, {.strict = false});
  CHECK(result.metadata == io::Metadata{{"rnn", "none"}});
  CHECK(result.missing_keys == Names{"0.weight"});
  CHECK(result.unexpected_keys == Names{"fc.weight"});
  CHECK(result.mismatched_keys == Names{"2.weight"});
  for (const auto& [name, tensor] : nn::state_dict(other).tensors) {
    const bool kept = name == "0.weight" || name == "2.weight";
    const auto expected = kept ? fresh.tensors.at(name) : nn::state_dict(model).tensors.at(name);
    CHECK(std::ranges::equal(tensor.span(), expected.span()));
  }
}

TEST_CASE("what is of another type fits no more than what is of another shape") {
  const TemporaryFolder folder;
  auto model = network<float>(1);
  io::save(folder.file("m"), model);
  auto file = io::read_safetensors(folder.file("m"));
  file.tensors["0.bias"] = Tensor<std::int32_t>::zeros({5});
  file.tensors["1.bias"] = Tensor<io::TruthByte>::full({1}, io::TruthByte::yes);
  file.tensors["1.num_batches_tracked"] = GENERATE(
      io::AnyTensor(Tensor<io::TruthByte>::full({}, io::TruthByte::yes)),
      io::AnyTensor(Tensor<double>::full({2}, 0.5)), io::AnyTensor(Tensor<Index>::zeros({2})));
  file.tensors["2.weight"] = Tensor<double>::zeros({10, 5});
  io::write_safetensors(folder.file("m"), file);
  auto other = network<float>(2);
  const auto result = io::load(folder.file("m"), other, {.strict = false});
  CHECK(result.mismatched_keys == Names{"0.bias", "1.bias", "2.weight", "1.num_batches_tracked"});
  CHECK(result.missing_keys.empty());
  CHECK(std::ranges::equal(nn::state_dict(other).tensors.at("0.weight").span(),
                           nn::state_dict(model).tensors.at("0.weight").span()));

  file.tensors["2.weight"] = Tensor<double>::zeros({3, 5});
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other, {.strict = false}),
                    Contains("\"2.weight\": expected type F32, got F64 (ask for it with"));
}

TEST_CASE("a part of one number or none takes no tensor of another type") {
  const TemporaryFolder folder;
  class Parts : public nn::Module<float> {
   public:
    void visit(nn::Visitor<float>& visitor) override {
      visitor("scale", scale_);
      visitor("nothing", nothing_);
      visitor("bias", bias_);
    }
    std::string describe() const override { return "Parts"; }

   private:
    Variable<float> scale_{Tensor<float>::scalar(1), true};
    Variable<float> nothing_{Tensor<float>(Shape{0}), true};
    Variable<float> bias_{Tensor<float>::zeros({2}), true};
  };
  Parts model;
  const auto bytes = Tensor<std::uint8_t>::zeros({});
  io::write_safetensors(folder.file("m"), {.tensors = {{"scale", bytes},
                                                       {"nothing", bytes.reshape({1})},
                                                       {"bias", Tensor<float>::ones({2})}},
                                           .metadata = {}});
  const auto result = io::load(folder.file("m"), model, {.strict = false});
  CHECK(result.mismatched_keys == Names{"nothing", "scale"});
}

TEST_CASE("a file of another model is refused with the differences and changes nothing") {
  const TemporaryFolder folder;
  auto wide = network<float>(1, 6);
  auto model = network<float>(2);
  auto before = network<float>(2);
  io::save(folder.file("m"), wide);
  CHECK_THROWS_AS(io::load(folder.file("m"), model), FileError);
  CHECK_THROWS_WITH(io::load(folder.file("m"), model),
                    Contains(folder.file("m") + ": expected the tensors of Sequential, got 7 of "
                                                "another shape: 0.bias: expected (5,), got (6,)"));
  io::SafetensorsFile extra;
  extra.tensors["more"] = Tensor<std::uint8_t>::zeros({1});
  io::write_safetensors(folder.file("m"), extra);
  CHECK_THROWS_WITH(io::load(folder.file("m"), model),
                    Contains("7 missing: 0.bias") && Contains("1 unexpected: more"));
  CHECK(same_parameters(model, before));
}

TEST_CASE("what modules share is saved once, and loaded from either name or from both") {
  const TemporaryFolder folder;
  auto model = tied_network(1);
  io::save(folder.file("m"), model);
  auto file = io::read_safetensors(folder.file("m"));
  CHECK(names_in(file) == Names{"0.bias", "0.weight", "3.bias", "3.weight"});
  const auto check_loads = [&] {
    io::write_safetensors(folder.file("m"), file);
    auto other = tied_network(2);
    CHECK_FALSE(same_parameters(model, other));
    io::load(folder.file("m"), other);
    CHECK(same_parameters(model, other));
  };
  check_loads();
  file.tensors["2.weight"] = std::get<Tensor<float>>(file.tensors["0.weight"]).clone();
  file.tensors["2.bias"] = std::get<Tensor<float>>(file.tensors["0.bias"]).clone();
  check_loads();
  file.tensors.erase("0.weight");
  file.tensors.erase("0.bias");
  check_loads();

  file.tensors["0.bias"] = Tensor<float>::ones({4});
  io::write_safetensors(folder.file("m"), file);
  auto before = tied_network(2);
  auto other = tied_network(2);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other),
                    folder.file("m") +
                        ": expected the tensors of Sequential, got 1 shared with "
                        "different values: 2.bias and 0.bias");
  CHECK_THROWS_WITH(io::load(folder.file("m"), other, {.strict = false}),
                    folder.file("m") +
                        ": load_state_dict: expected the state of Sequential, got 1 shared with "
                        "different values: 2.bias and 0.bias");
  CHECK(same_parameters(other, before));
  file.tensors.erase("2.weight");
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other), Contains("2 missing: 0.weight, 2.weight"));
}
