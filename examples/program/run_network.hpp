#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/tap_parts.hpp"
#include "program/run.hpp"

// Compiled once for all programs, in tap_parts.cpp.
extern template std::vector<TapCell<float>> tap_cells<float>();
extern template std::vector<TapWavelet<float>> tap_wavelets<float>();
extern template std::vector<TapCell<cnnrnn::bfloat16>> tap_cells<cnnrnn::bfloat16>();
extern template std::vector<TapWavelet<cnnrnn::bfloat16>> tap_wavelets<cnnrnn::bfloat16>();

namespace program {

template <template <class T> class Network, class T>
std::unique_ptr<cnnrnn::nn::Layer<T>> make_network(const NetworkOptions& options,
                                                   cnnrnn::Random& random) {
  return std::make_unique<Network<T>>(options, random);
}

/// The command line of a program for one network, which is built from (NetworkOptions, Random).
/// Returns its exit code.
template <template <class T> class Network>
int run_network(int argc, char** argv, const std::string& name, const std::string& summary) {
  return run(argc, argv,
             {.name = name,
              .summary = summary,
              .rnns = rnn_names(),
              .joins = join_names(),
              .peepholes = peephole_names(),
              .controls = control_names(),
              .wavelets = wavelet_names(),
              .make = make_network<Network, float>,
              .make_bfloat16 = make_network<Network, cnnrnn::bfloat16>});
}

}  // namespace program
