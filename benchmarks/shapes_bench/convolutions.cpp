#include "shapes_bench/convolutions.hpp"

#include <iostream>
#include <string>
#include <vector>

#include "cnnrnn/ops/conv2d.hpp"
#include "support/precision.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace bench {

std::vector<ConvolutionCase> chosen_convolutions() {
  return {
      {"depthwise", 8, 112, 32, 32, 3, 1, 1, 32},
      {"depthwise", 8, 112, 96, 96, 3, 2, 1, 96},
      {"depthwise", 8, 56, 144, 144, 3, 1, 1, 144},
      {"depthwise", 8, 56, 144, 144, 3, 2, 1, 144},
      {"depthwise", 8, 28, 192, 192, 3, 1, 1, 192},
      {"depthwise", 8, 14, 576, 576, 3, 1, 1, 576},
      {"depthwise", 8, 7, 960, 960, 3, 1, 1, 960},
      {"depthwise", 8, 28, 120, 120, 5, 1, 1, 120},
      {"depthwise", 8, 14, 576, 576, 5, 2, 1, 576},
      {"depthwise", 8, 56, 96, 96, 7, 1, 1, 96},
      {"depthwise", 1, 56, 144, 144, 3, 1, 1, 144},
      {"depthwise", 32, 28, 64, 128, 3, 1, 1, 64},
      {"depthwise", 8, 28, 192, 192, 3, 1, 2, 192},
      {"grouped", 8, 56, 128, 128, 3, 1, 1, 32},
      {"grouped", 8, 56, 128, 128, 3, 1, 1, 64},
      {"grouped", 8, 28, 256, 256, 3, 1, 1, 32},
      {"grouped", 8, 28, 256, 256, 3, 2, 1, 32},
      {"grouped", 8, 14, 512, 512, 3, 1, 1, 32},
      {"grouped", 8, 14, 512, 512, 3, 1, 1, 16},
      {"grouped", 8, 7, 1024, 1024, 3, 1, 1, 32},
      {"grouped", 32, 28, 64, 64, 3, 1, 1, 2},
      {"1x1", 8, 56, 64, 256, 1},
      {"1x1", 8, 56, 256, 64, 1},
      {"1x1", 8, 28, 512, 128, 1},
      {"1x1", 8, 14, 1024, 256, 1},
      {"1x1", 8, 7, 512, 2048, 1},
      {"1x1", 8, 112, 16, 96, 1},
      {"1x1", 8, 56, 24, 144, 1},
      {"1x1", 8, 7, 320, 1280, 1},
      {"1x1", 1, 28, 128, 512, 1},
      {"1x1", 1, 7, 960, 160, 1},
      {"1x1_strided", 8, 56, 256, 512, 1, 2},
      {"1x1_strided", 8, 56, 64, 128, 1, 2},
      {"1x1_strided", 8, 14, 1024, 2048, 1, 2},
      {"strided", 8, 56, 128, 128, 3, 2},
      {"strided", 8, 28, 256, 256, 3, 2},
      {"strided", 32, 32, 16, 32, 3, 2},
      {"strided", 1, 56, 64, 128, 3, 2},
      {"strided", 8, 112, 32, 64, 5, 2},
      {"dilated", 8, 28, 256, 256, 3, 1, 2},
      {"dilated", 8, 28, 512, 512, 3, 1, 4},
      {"dilated", 1, 64, 64, 64, 3, 1, 2},
      {"large_kernel", 32, 28, 32, 64, 5},
      {"large_kernel", 8, 28, 96, 96, 5},
      {"large_kernel", 8, 56, 32, 32, 7},
      {"large_kernel", 8, 35, 64, 96, 11},
      {"non_square", 8, 17, 192, 192, {1, 7}},
      {"non_square", 8, 17, 192, 192, {7, 1}},
      {"non_square", 8, 35, 64, 64, {3, 1}},
      {"small_maps", 8, 7, 512, 512, 3},
      {"small_maps", 32, 7, 512, 512, 3},
      {"small_maps", 8, 4, 512, 512, 3},
      {"small_maps", 1, 14, 256, 256, 3},
      {"patches", 8, 224, 3, 96, 4, 4},
      {"patches", 8, 224, 3, 384, 16, 16},
      {"patches", 8, 56, 96, 192, 2, 2},
      {"patches", 8, 14, 384, 768, 2, 2},
      {"few_channels", 8, 224, 3, 64, 7, 2},
      {"few_channels", 8, 224, 3, 32, 3, 2},
      {"few_channels", 8, 224, 3, 64, 3},
      {"few_channels", 128, 28, 1, 6, 5},
      {"few_channels", 32, 64, 4, 64, 3},
      {"large_images", 2, 224, 64, 64, 3},
      {"large_images", 2, 112, 128, 128, 3},
      {"large_images", 1, 512, 32, 32, 3},
  };
}

namespace {

template <class T>
struct Tensors {
  explicit Tensors(const kernels::Conv2dDims& d)
      : x(random_tensor<T>({d.n, d.h, d.w, d.c})),
        weight(random_tensor<T>({d.o, d.group_c(), d.kernel.h, d.kernel.w})),
        y(random_tensor<T>({d.n, d.oh(), d.ow(), d.o})),
        dx(x.shape()),
        dweight(weight.shape()) {}

  void forward(const kernels::Conv2dDims& d) {
    kernels::conv2d_forward<T>(d, x.data(), weight.data(), {y.mutable_data(), d.o});
  }
  void backward(const kernels::Conv2dDims& d) {
    kernels::conv2d_backward_input<T>(d, weight.data(), y.data(), {dx.mutable_span(), false});
    kernels::conv2d_backward_weight<T>(d, x.data(), y.data(), {dweight.mutable_span(), false});
  }

  Tensor<T> x, weight, y, dx, dweight;
};

template <class T>
void run(benchmark::State& state, const ConvolutionCase& c, bool train) {
  const auto d = c.dims();
  Tensors<T> tensors(d);
  const double seconds = time_iterations(state, [&] {
    tensors.forward(d);
    if (train) {
      tensors.backward(d);
    }
  });
  const Index flops = 2 * tensors.y.size() * d.taps() * d.group_c();
  report_flops(state, (train ? 3 : 1) * flops, seconds);
  const Index numbers = tensors.x.size() + tensors.weight.size() + tensors.y.size();
  report_traffic<T>(state, train ? 3 * numbers : numbers, seconds);
}

template <class T>
void register_in(const std::vector<ConvolutionCase>& cases) {
  for (const ConvolutionCase& c : cases) {
    for (const bool train : {false, true}) {
      const std::string name = c.name() + (train ? "/train" : "/forward") + precision_suffix<T>;
      benchmark::RegisterBenchmark(name.c_str(), run<T>, c, train)->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace

void register_convolutions(const std::vector<ConvolutionCase>& cases) {
  register_in<float>(cases);
  register_in<bfloat16>(cases);
}

void explain_convolutions(const std::vector<ConvolutionCase>& cases) {
  for (const ConvolutionCase& c : cases) {
    std::cout << c.name() << ": y by " << name(kernels::forward_kernel<float>(c.dims()))
              << ", dx by " << name(kernels::backward_input_kernel<float>(c.dims()))
              << ", dweight by " << name(kernels::backward_weight_kernel<float>(c.dims())) << '\n';
  }
}

}  // namespace bench
