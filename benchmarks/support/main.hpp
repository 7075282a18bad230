#pragma once

#include <benchmark/benchmark.h>

#include <charconv>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "cnnrnn/core/build_info.hpp"
#include "support/core_to_core.hpp"
#include "support/fma_peak.hpp"

namespace bench {

/// Takes `--threads=N` out of the arguments, which Google Benchmark would not know.
inline void take_threads(int& argc, char** argv) {
  constexpr std::string_view option = "--threads=";
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(option)) {
      argv[kept++] = argv[i];
      continue;
    }
    const std::string_view value = argument.substr(option.size());
    int count = 0;
    const auto [end, error] = std::from_chars(value.begin(), value.end(), count);
    cnnrnn::require<cnnrnn::ValueError>(error == std::errc() && end == value.end(),
                                        "expected --threads=N, got ", argument);
    cnnrnn::set_threads(count);
  }
  argc = kept;
}

/// The main function of a benchmark program: Google Benchmark's options and `--threads=N`.
inline int main(int argc, char** argv) {
  try {
    take_threads(argc, argv);
  } catch (const cnnrnn::ValueError& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  const auto peak = static_cast<cnnrnn::Index>(cnnrnn::kernels::fma_peak());
  benchmark::AddCustomContext("threads", std::to_string(cnnrnn::threads()));
  benchmark::AddCustomContext("instruction_set", cnnrnn::kernels::build_info().instruction_set);
  benchmark::AddCustomContext("fma_peak_gflops", std::to_string(peak));
  if (cnnrnn::threads() > 1 && std::thread::hardware_concurrency() > 1) {
    benchmark::AddCustomContext("core_to_core_ns", std::to_string(measure_core_to_core()));
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
