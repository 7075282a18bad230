#include "cnnrnn/nn/in_slices.hpp"

#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// A million floats: x of 10 entries, each larger than a slice.
Variable<float> large_input() {
  Tensor<float> x({10, 64, 1024});
  float value = 0;
  for (float& element : x.mutable_span()) {
    element = value++;
  }
  return Variable<float>(x);
}

/// What in_slices hands to a body that doubles it, and whether the result is right.
std::vector<Index> sizes_of_slices(bool training, bool recorded, const Variable<float>& x) {
  nn::Relu<float> module;
  module.train(training);
  std::vector<Index> sizes;
  const auto body = [&](const Variable<float>& part) {
    sizes.push_back(part.dim(0));
    Tensor<float> y({part.dim(0), part.value().size() / part.dim(0)});
    for (Index i = 0; i < y.size(); ++i) {
      y.mutable_data()[i] = 2 * part.value().data()[i];
    }
    return Variable<float>(y);
  };
  const auto run = [&] { return nn::in_slices(module, x, body).value(); };
  const auto without_record = [&] {
    const NoGradGuard no_grad;
    return run();
  };
  const Tensor<float> y = recorded ? run() : without_record();
  CHECK(y.shape() == Shape{x.dim(0), x.value().size() / x.dim(0)});
  Index wrong = 0;
  for (Index i = 0; i < y.size(); ++i) {
    wrong += y.data()[i] != 2 * x.value().data()[i] ? 1 : 0;
  }
  CHECK(wrong == 0);
  return sizes;
}

}  // namespace

TEST_CASE("in inference, a body gets a few entries for each thread at a time") {
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    const auto sizes = sizes_of_slices(false, false, large_input());
    set_threads(0);
    const auto expected = count == 1   ? std::vector<Index>(10, 1)
                          : count == 2 ? std::vector<Index>(5, 2)
                                       : std::vector<Index>{3, 3, 3, 1};
    CHECK(sizes == expected);
  }
}

TEST_CASE("what is recorded, in training or small stays whole") {
  const std::vector<Index> whole{10};
  CHECK(sizes_of_slices(false, true, large_input()) == whole);
  CHECK(sizes_of_slices(true, false, large_input()) == whole);
  CHECK(sizes_of_slices(false, false, Variable<float>(Tensor<float>::ones({10, 7}))) == whole);
}
