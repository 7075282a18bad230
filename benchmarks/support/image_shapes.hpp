#pragma once

#include <benchmark/benchmark.h>

#include "cnnrnn/core/shape.hpp"

namespace bench {

/// The images H x H of C channels that the passes between convolutions are timed on: NAME/H/C.
inline void image_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({32, 16})->Args({32, 32})->Args({32, 64})->Args({16, 64})->Args({8, 256});
  benchmark->Unit(benchmark::kMillisecond);
}

/// A batch of 128 of them.
inline cnnrnn::Shape image_batch(const benchmark::State& state) {
  return {128, state.range(0), state.range(0), state.range(1)};
}

}  // namespace bench
