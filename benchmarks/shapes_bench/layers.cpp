#include "shapes_bench/layers.hpp"

#include <iostream>
#include <string>
#include <vector>

#include "cnnrnn/ops/conv1d.hpp"
#include "cnnrnn/ops/conv_transpose2d.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace bench {

namespace {

struct Transposed {
  Index n, h, c, o;
  Size2d kernel;
  Index stride = 2;
  Index padding = 0;

  std::string name() const {
    return to_message("conv_transpose/", n, '/', h, '/', c, '/', o, '/', kernel, '/', stride, '/',
                      padding);
  }
  Shape x() const { return {n, h, h, c}; }
  Shape weight() const { return {c, o, kernel.h, kernel.w}; }
  kernels::Conv2dDims dims() const {
    return detail::conv_transpose2d_dims(x(), weight(), false, {}, options());
  }
  TransposedConvolution options() const { return {.stride = stride, .padding = padding}; }
  Variable<float> operator()(const Variable<float>& in, const Variable<float>& weights,
                             const Variable<float>& bias) const {
    return conv_transpose2d(in, weights, bias, options());
  }
  Index flops() const { return 2 * x().size() * o * kernel.area(); }
};

const std::vector<Transposed>& transposed() {
  static const std::vector<Transposed> all{
      {8, 14, 512, 256, 2},       {8, 28, 256, 128, 2},       {8, 28, 128, 64, 2},
      {8, 56, 128, 64, 2},        {1, 56, 128, 64, 2},        {8, 28, 64, 32, 4, 4},
      {32, 4, 512, 256, 4, 2, 1}, {32, 8, 256, 128, 4, 2, 1}, {32, 16, 128, 64, 4, 2, 1},
      {32, 32, 64, 3, 4, 2, 1},   {8, 28, 128, 64, 3, 1, 1},
  };
  return all;
}

struct Sequences {
  Index n, t, c, o, kernel;
  Index stride = 1;
  Index dilation = 1;

  std::string name() const {
    return to_message("conv1d/", n, '/', t, '/', c, '/', o, '/', kernel, '/', stride, '/',
                      dilation);
  }
  Shape x() const { return {n, t, c}; }
  Shape weight() const { return {o, c, kernel}; }
  kernels::Conv2dDims dims() const {
    return detail::conv1d_dims(x(), weight(), false, {}, options());
  }
  Convolution1d options() const {
    return {.stride = stride, .padding = dilation * (kernel - 1) / 2, .dilation = dilation};
  }
  Variable<float> operator()(const Variable<float>& in, const Variable<float>& weights,
                             const Variable<float>& bias) const {
    return conv1d(in, weights, bias, options());
  }
  Index flops() const { return 2 * n * dims().ow() * o * c * kernel; }
};

const std::vector<Sequences>& sequences() {
  static const std::vector<Sequences> all{
      {8, 1000, 64, 64, 3},         {8, 1000, 128, 128, 5},   {8, 1000, 256, 256, 9},
      {1, 16000, 64, 64, 3},        {4, 16000, 64, 64, 3},    {4, 16000, 64, 64, 3, 1, 64},
      {8, 4000, 128, 128, 3, 1, 8}, {8, 4000, 64, 128, 8, 4}, {8, 16000, 1, 64, 9, 4},
  };
  return all;
}

template <class Case>
void run(benchmark::State& state, const Case& c, bool train) {
  const auto zeros = Tensor<float>::zeros({c.o});
  const Variable<float> x(random_tensor(c.x()), train);
  const Variable<float> weight(random_tensor(c.weight()), train);
  const Variable<float> bias(zeros, train);
  const auto dy = random_tensor(c(x, weight, bias).shape());
  const double seconds = time_iterations(state, [&] {
    const auto y = c(x, weight, bias);
    if (train) {
      for (Variable<float> leaf : {x, weight, bias}) {
        leaf.zero_grad();
      }
      y.backward(dy);
    }
  });
  report_flops(state, (train ? 3 : 1) * c.flops(), seconds);
  report_traffic(state, (train ? 3 : 1) * (x.value().size() + dy.size()), seconds);
}

template <class Case>
void register_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const bool train : {false, true}) {
      benchmark::RegisterBenchmark((c.name() + (train ? "/train" : "/forward")).c_str(), run<Case>,
                                   c, train)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace

void register_layers() {
  register_all(transposed());
  register_all(sequences());
}

void explain_layers() {
  for (const Transposed& c : transposed()) {
    std::cout << c.name() << ": y by " << name(kernels::backward_input_kernel<float>(c.dims()))
              << ", dx by " << name(kernels::forward_kernel<float>(c.dims())) << ", dweight by "
              << name(kernels::backward_weight_kernel<float>(c.dims())) << '\n';
  }
  for (const Sequences& c : sequences()) {
    std::cout << c.name() << ": y by " << name(kernels::forward_kernel<float>(c.dims()))
              << ", dx by " << name(kernels::backward_input_kernel<float>(c.dims()))
              << ", dweight by " << name(kernels::backward_weight_kernel<float>(c.dims())) << '\n';
  }
}

}  // namespace bench
