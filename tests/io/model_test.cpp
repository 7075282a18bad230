#include "cnnrnn/io/model.hpp"

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
  CHECK(io::load(folder.file("m"), other) == io::Metadata{{"rnn", "none"}});
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
  file.tensors["0.bias"] = Tensor<double>::zeros({5});
  file.tensors["1.num_batches_tracked"] = Tensor<double>::scalar(1);
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(
      io::load(folder.file("m"), in_double, {.convert = true}),
      folder.file("m") + ": tensor \"1.num_batches_tracked\": expected type I64, got F64");
  for (const Index count : {Index{-1}, Index{1} << 62}) {
    file.tensors["1.num_batches_tracked"] = Tensor<Index>::scalar(count);
    io::write_safetensors(folder.file("m"), file);
    CHECK_THROWS_WITH(
        io::load(folder.file("m"), in_double),
        to_message(folder.file("m"),
                   ": tensor \"1.num_batches_tracked\": expected a count of 0 or more and below "
                   "2^62, got ",
                   count));
  }
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
                    Contains("8 missing: 0.bias") && Contains("1 unexpected: more"));
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
  CHECK(same_parameters(other, before));
  file.tensors.erase("2.weight");
  io::write_safetensors(folder.file("m"), file);
  CHECK_THROWS_WITH(io::load(folder.file("m"), other), Contains("2 missing: 0.weight, 2.weight"));
}
