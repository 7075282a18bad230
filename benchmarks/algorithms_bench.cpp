// Times and errors of the two algorithms of a 3x3 convolution side by side, the ground of the rule
// that chooses: algorithms_bench --benchmark_filter=forward/128/32 --threads=2
//
// Names are DIRECTION/N/H/C/O/A, N images H x H from C to O channels, with A 1 for the direct
// algorithm and 2 for Winograd's. `error` is the largest difference from the same sums in double,
// as a share of the largest value.
#include <algorithm>
#include <cmath>

#include "cnnrnn/ops/conv2d.hpp"
#include "support/main.hpp"
#include "support/random_tensor.hpp"
#include "support/rates.hpp"

using namespace cnnrnn;

namespace {

/// The same convolution in float, by the algorithm in question, and in double, by the direct one.
struct Case {
  explicit Case(const benchmark::State& state)
      : d{.n = state.range(0),
          .h = state.range(1),
          .w = state.range(1),
          .c = state.range(2),
          .o = state.range(3),
          .kernel = 3,
          .padding = 1,
          .algorithm = static_cast<ConvAlgorithm>(state.range(4))},
        exact(d),
        x(bench::random_tensor({d.n, d.h, d.w, d.c})),
        weight(bench::random_tensor({d.o, d.c, 3, 3})),
        y(bench::random_tensor({d.n, d.h, d.w, d.o})) {
    exact.algorithm = ConvAlgorithm::direct;
  }

  template <class T>
  Tensor<T> forward(const kernels::Conv2dDims& dims) const {
    Tensor<T> result(y.shape());
    kernels::conv2d_forward<T>(dims, x.to<T>().data(), weight.to<T>().data(),
                               {result.mutable_data(), d.o});
    return result;
  }
  template <class T>
  Tensor<T> backward_input(const kernels::Conv2dDims& dims) const {
    Tensor<T> result(x.shape());
    kernels::conv2d_backward_input<T>(dims, weight.to<T>().data(), y.to<T>().data(),
                                      {result.mutable_span()});
    return result;
  }
  template <class T>
  Tensor<T> backward_weight(const kernels::Conv2dDims& dims) const {
    Tensor<T> result(weight.shape());
    kernels::conv2d_backward_weight<T>(dims, x.to<T>().data(), y.to<T>().data(),
                                       {result.mutable_span()});
    return result;
  }

  kernels::Conv2dDims d, exact;
  Tensor<float> x, weight, y;
};

double largest_error(const Tensor<float>& result, const Tensor<double>& exact) {
  double error = 0;
  double largest = 0;
  for (Index i = 0; i < exact.size(); ++i) {
    error = std::max(error, std::abs(static_cast<double>(result.data()[i]) - exact.data()[i]));
    largest = std::max(largest, std::abs(exact.data()[i]));
  }
  return error / largest;
}

template <class Run, class Error>
void measure(benchmark::State& state, const Case& c, const Run& run, const Error& error) {
  const double seconds = bench::time_iterations(state, run);
  bench::report_flops(state, 2 * c.y.size() * 9 * c.d.c, seconds);
  state.counters["error"] = error();
}

void forward(benchmark::State& state) {
  Case c(state);
  measure(
      state, c,
      [&] {
        kernels::conv2d_forward<float>(c.d, c.x.data(), c.weight.data(),
                                       {c.y.mutable_data(), c.d.o});
      },
      [&] { return largest_error(c.forward<float>(c.d), c.forward<double>(c.exact)); });
}

void forward_packed(benchmark::State& state) {
  Case c(state);
  const Tensor<float> packed = kernels::conv2d_pack(c.d, c.weight.data());
  measure(
      state, c,
      [&] {
        kernels::conv2d_forward<float>(c.d, kernels::forward_kernel<float>(c.d), c.x.data(), packed,
                                       {c.y.mutable_data(), c.d.o});
      },
      [&] { return largest_error(c.forward<float>(c.d), c.forward<double>(c.exact)); });
}

void backward_input(benchmark::State& state) {
  Case c(state);
  Tensor<float> dx(c.x.shape());
  measure(
      state, c,
      [&] {
        kernels::conv2d_backward_input<float>(c.d, c.weight.data(), c.y.data(),
                                              {dx.mutable_span()});
      },
      [&] {
        return largest_error(c.backward_input<float>(c.d), c.backward_input<double>(c.exact));
      });
}

void backward_weight(benchmark::State& state) {
  Case c(state);
  Tensor<float> dw(c.weight.shape());
  measure(
      state, c,
      [&] {
        kernels::conv2d_backward_weight<float>(c.d, c.x.data(), c.y.data(), {dw.mutable_span()});
      },
      [&] {
        return largest_error(c.backward_weight<float>(c.d), c.backward_weight<double>(c.exact));
      });
}

/// Shapes of the networks, those of their first layers, ever fewer channels, ever fewer tiles.
void shapes(benchmark::internal::Benchmark* benchmark) {
  for (const Index algorithm : {1, 2}) {
    for (const Index channels : {4, 8, 16, 32, 64}) {
      benchmark->Args({16, 32, channels, channels, algorithm});
    }
    for (const Index channels : {1, 2, 3, 6}) {
      benchmark->Args({16, 32, channels, 32, algorithm});
    }
    benchmark->Args({16, 32, 3, 8, algorithm})->Args({16, 32, 3, 16, algorithm});
    benchmark->Args({16, 16, 128, 128, algorithm})->Args({16, 8, 256, 256, algorithm});
    for (const Index images : {1, 2, 4, 8}) {
      benchmark->Args({images, 8, 64, 64, algorithm})->Args({images, 16, 64, 64, algorithm});
    }
  }
  benchmark->Unit(benchmark::kMicrosecond);
}

/// One image of ever fewer tiles: 64, 16, 4, 1.
void single_images(benchmark::internal::Benchmark* benchmark) {
  for (const Index algorithm : {1, 2}) {
    for (const Index side : {32, 16, 8, 4}) {
      benchmark->Args({1, side, 64, 64, algorithm});
    }
    benchmark->Args({1, 32, 3, 32, algorithm});
  }
  benchmark->Unit(benchmark::kMicrosecond);
}

BENCHMARK(forward)->Apply(shapes);
BENCHMARK(forward_packed)->Apply(single_images);
BENCHMARK(backward_input)->Apply(shapes);
BENCHMARK(backward_weight)->Apply(shapes);

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv); }
