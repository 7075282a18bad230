#pragma once

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string>
#include <vector>

#include "models/network_options.hpp"
#include "models/tap_parts.hpp"

/// The parts that NetworkOptions ask for by their names.
template <class T>
struct RnnChoice {
  std::vector<TapCell<T>> cells = tap_cells<T>();
  std::vector<TapWavelet<T>> wavelets = tap_wavelets<T>();
  const TapCell<T>* cell = nullptr;            ///< null without an rnn
  const TapPeepholes<T>* peepholes = nullptr;  ///< of the cell
  const TapWavelet<T>* wavelet = nullptr;      ///< null without one

  RnnChoice(const std::string& network, const NetworkOptions& options)
      : cell(find_part(network, "rnn", cells, options.rnn)),
        wavelet(find_part(network, "wavelet", wavelets, options.wavelet)) {
    using cnnrnn::require;
    using cnnrnn::ValueError;
    const auto joins = join_names();
    require<ValueError>(std::ranges::find(joins, options.join) != joins.end(), network,
                        ": expected join tap, readout or sweep, got ", options.join);
    require<ValueError>(cell != nullptr || (wavelet == nullptr && options.taps == "all" &&
                                            options.peepholes == "default"),
                        network,
                        ": expected an rnn behind a wavelet, at chosen stages or with peepholes, "
                        "got rnn none");
    const auto controls = control_names();
    require<ValueError>(std::ranges::find(controls, options.control) != controls.end(), network,
                        ": expected control none, convolution or dense, got ", options.control);
    require<ValueError>(cell == nullptr || options.control == "none", network,
                        ": expected an rnn or a control in place of one, got rnn ", options.rnn,
                        " and control ", options.control);
    require<ValueError>(
        cell != nullptr || (options.join == "tap" &&
                            (options.after == "default" || options.control == "convolution")),
        network, ": expected an rnn to join the network, got rnn none");
    require<ValueError>(options.join == "tap" || (wavelet == nullptr && options.taps == "all"),
                        network, ": expected no wavelet and no taps for join ", options.join,
                        ", got wavelet ", options.wavelet, " and taps ", options.taps);
    if (cell != nullptr) {
      peepholes = &find_peepholes(network, *cell, options.peepholes);
    }
  }

  RnnChoice(const RnnChoice&) = delete;
  RnnChoice& operator=(const RnnChoice&) = delete;

  bool chosen() const { return cell != nullptr; }
};

/// A generator for what is added to a network, whose own parts so begin as without it.
inline cnnrnn::Random apart_from(const cnnrnn::Random& random) {
  cnnrnn::Random copy = random;
  return cnnrnn::Random(copy.bits());
}

/// The stages, from 0 on, that a list such as 1,3 names from 1 on. Throws ValueError, for the
/// network `network`, unless they are in order and there are that many; `others` is what else may
/// be asked for.
inline std::vector<std::size_t> listed_stages(const std::string& network, const char* others,
                                              const std::string& list, std::size_t count) {
  std::vector<std::size_t> stages;
  const char* const end = list.data() + list.size();
  std::size_t number = 0;
  std::size_t last = 0;
  for (const char* at = list.data(); at <= end; ++at) {
    const auto [rest, error] = std::from_chars(at, end, number);
    const bool read = error == std::errc() && (rest == end || *rest == ',');
    cnnrnn::require<cnnrnn::ValueError>(read && number > last && number <= count, network,
                                        ": expected ", others, ", or stages from 1 to ", count,
                                        " as in 1,2, got ", list);
    stages.push_back(number - 1);
    last = number;
    at = rest;
  }
  return stages;
}

/// All `count` stages, or those that are listed.
inline std::vector<std::size_t> all_or_listed(const std::string& network, const char* others,
                                              const std::string& list, std::size_t count) {
  if (list != "all") {
    return listed_stages(network, others, list, count);
  }
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

/// The stages that NetworkOptions::after names: the usual ones by default.
inline std::vector<std::size_t> joined_stages(const std::string& network, const std::string& after,
                                              std::size_t count,
                                              const std::vector<std::size_t>& usual) {
  return after == "default" ? usual : all_or_listed(network, "after default, all", after, count);
}
