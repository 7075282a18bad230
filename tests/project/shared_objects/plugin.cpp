#include "plugin.hpp"

#include <cnnrnn/cnnrnn.hpp>

using namespace cnnrnn;

namespace {

void fail(int kind) {
  switch (kind) {
    case 0:
      throw ShapeError("shape");
    case 1:
      throw ValueError("value");
    case 2:
      throw FileError("file");
    case 3:
      throw GraphError("graph");
    default:
      throw NumericError("number");
  }
}

Tensor<float> tensor() {
  Tensor<float> result(Shape{1 << 20});
  float* const values = result.mutable_data();
  parallel_for(result.size(), 1 << 16, [&](Index begin, Index end) {
    const ThreadScratch<float> scratch(end - begin);
    std::fill_n(scratch.data(), end - begin, 1.0F);
    std::copy_n(scratch.data(), end - begin, values + begin);
  });
  return result;
}

}  // namespace

const Plugin cnnrnn_test_plugin = {
    [] { return threads(); },
    [](int count) { set_threads(count); },
    [] { return grad_enabled(); },
    [] { return nn::fusion_enabled(); },
    []() -> const void* { return Observer<float>::current(); },
    [] { return CachingAllocator::instance().statistics().bytes_in_use; },
    [] { const train::Interrupt interrupt; },
    fail,
    tensor,
    [](Tensor<float>& tensor) { tensor = {}; },
};
