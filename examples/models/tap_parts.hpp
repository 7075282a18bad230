#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"

/// A part of a tap, by the name that asks for it, and what builds it.
template <class Function>
struct TapPart {
  std::string name;
  Function make;
};

template <class T>
using TapCell =
    TapPart<cnnrnn::nn::RnnTap<T> (*)(const cnnrnn::nn::RnnTapOptions&, cnnrnn::Random&)>;

template <class T>
using TapWavelet = TapPart<std::unique_ptr<cnnrnn::nn::Layer<T>> (*)()>;

template <class T, class Rows>
cnnrnn::nn::RnnTap<T> tap_with(const cnnrnn::nn::RnnTapOptions& map, cnnrnn::Random& random) {
  return cnnrnn::nn::RnnTap<T>(Rows(map, random));
}

/// Every cell that can read the rows of a tap. A new one is a line here: the networks, the
/// programs' options and the tests take their names from this list.
template <class T>
std::vector<TapCell<T>> tap_cells() {
  using namespace cnnrnn::nn;
  return {{"lstm", tap_with<T, LstmRows<T>>},
          {"gru", tap_with<T, GruRows<T>>},
          {"irnn", tap_with<T, IrnnRows<T>>},
          {"convlstm", tap_with<T, ConvLstmRows<T>>}};
}

template <class T, const cnnrnn::Wavelet& wavelet>
std::unique_ptr<cnnrnn::nn::Layer<T>> transform_by() {
  return std::make_unique<cnnrnn::nn::WaveletTransform<T>>(cnnrnn::WaveletOptions{wavelet});
}

/// Every wavelet whose transform a feature map can pass before it is read: it makes four channels
/// of each, of half the height and width.
template <class T>
std::vector<TapWavelet<T>> tap_wavelets() {
  using namespace cnnrnn::wavelets;
  return {{"haar", transform_by<T, haar>},
          {"db2", transform_by<T, db2>},
          {"db3", transform_by<T, db3>},
          {"db4", transform_by<T, db4>}};
}

template <class Part>
std::vector<std::string> names_of(const std::vector<Part>& parts) {
  std::vector<std::string> names{"none"};
  for (const auto& part : parts) {
    names.push_back(part.name);
  }
  return names;
}

/// What NetworkOptions::rnn may be: none, or a cell.
inline std::vector<std::string> rnn_names() { return names_of(tap_cells<float>()); }

/// What NetworkOptions::wavelet may be.
inline std::vector<std::string> wavelet_names() { return names_of(tap_wavelets<float>()); }

/// The part called `name`; nullptr for none. Throws ValueError, for the network `network`, when no
/// part is called so.
template <class Part>
const Part* find_part(const std::string& network, const char* what, const std::vector<Part>& parts,
                      const std::string& name) {
  std::string known = "none";
  for (const Part& part : parts) {
    if (part.name == name) {
      return &part;
    }
    known += (&part == &parts.back() ? " or " : ", ") + part.name;
  }
  cnnrnn::require<cnnrnn::ValueError>(name == "none", network, ": expected ", what, ' ', known,
                                      ", got ", name);
  return nullptr;
}
