#pragma once

#include <algorithm>
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

/// A form of a cell's peepholes.
template <class T>
struct TapPeepholes {
  std::string name;
  cnnrnn::nn::RnnTap<T> (*make)(const cnnrnn::nn::RnnTapOptions&, cnnrnn::Random&);
  cnnrnn::ConvLstmPeepholes form;
};

template <class T>
struct TapCell {
  std::string name;
  cnnrnn::nn::Cell cell;
  std::vector<TapPeepholes<T>> peepholes;  ///< the first is the default
};

template <class T>
using TapWavelet = TapPart<std::unique_ptr<cnnrnn::nn::Layer<T>> (*)()>;

template <class T, class Rows, auto... peepholes>
cnnrnn::nn::RnnTap<T> tap_with(const cnnrnn::nn::RnnTapOptions& map, cnnrnn::Random& random) {
  return cnnrnn::nn::RnnTap<T>(Rows(map, peepholes..., random));
}

/// Every cell that can read a feature map, with the peepholes it may have. A new one is a line
/// here: the networks, the programs' options and the tests take their names from this list.
template <class T>
std::vector<TapCell<T>> tap_cells() {
  using namespace cnnrnn::nn;
  using Form = cnnrnn::ConvLstmPeepholes;
  return {{"lstm",
           Cell::lstm,
           {{"none", tap_with<T, LstmRows<T>, false>, Form::none},
            {"current", tap_with<T, LstmRows<T>, true>, Form::current}}},
          {"gru", Cell::gru, {{"none", tap_with<T, GruRows<T>>, Form::none}}},
          {"irnn", Cell::irnn, {{"none", tap_with<T, IrnnRows<T>>, Form::none}}},
          {"convlstm",
           Cell::conv_lstm,
           {{"current", tap_with<T, ConvLstmRows<T>, Form::current>, Form::current},
            {"previous", tap_with<T, ConvLstmRows<T>, Form::previous>, Form::previous},
            {"none", tap_with<T, ConvLstmRows<T>, Form::none>, Form::none}}}};
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

/// What NetworkOptions::peepholes may be; each cell has some of them.
inline std::vector<std::string> peephole_names() {
  std::vector<std::string> names{"default"};
  for (const auto& cell : tap_cells<float>()) {
    for (const auto& form : cell.peepholes) {
      if (std::ranges::find(names, form.name) == names.end()) {
        names.push_back(form.name);
      }
    }
  }
  return names;
}

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

/// The form of a cell's peepholes called `name`. Throws ValueError, for the network `network`, when
/// the cell has none of this name.
template <class T>
const TapPeepholes<T>& find_peepholes(const std::string& network, const TapCell<T>& cell,
                                      const std::string& name) {
  std::string known = "default";
  for (const auto& form : cell.peepholes) {
    if (form.name == name || name == "default") {
      return form;
    }
    known += (&form == &cell.peepholes.back() ? " or " : ", ") + form.name;
  }
  throw cnnrnn::ValueError(network + ": expected peepholes " + known + " for rnn " + cell.name +
                           ", got " + name);
}
