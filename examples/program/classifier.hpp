#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "models/network_options.hpp"

namespace program {

/// What makes one example program differ from the next: its name and its network.
struct Classifier {
  using Model = cnnrnn::nn::Layer<float>;

  /// Builds the network with numbers of T.
  template <class T>
  using Make =
      std::function<std::unique_ptr<cnnrnn::nn::Layer<T>>(const NetworkOptions&, cnnrnn::Random&)>;

  std::string name;
  std::string summary;
  std::vector<std::string> rnns;       ///< what --rnn may be
  std::vector<std::string> joins;      ///< what --join may be
  std::vector<std::string> peepholes;  ///< what --peepholes may be
  std::vector<std::string> controls;   ///< what --control may be
  std::vector<std::string> wavelets;   ///< what --wavelet may be
  Make<float> make;
  Make<cnnrnn::bfloat16> make_bfloat16 = {};

  /// The one for numbers of T.
  template <class T>
  const Make<T>& maker() const {
    if constexpr (cnnrnn::is_bfloat16<T>) {
      return make_bfloat16;
    } else {
      return make;
    }
  }
};

/// What --precision may be: the numbers of parameters, activations and gradients.
inline std::vector<std::string> precision_names() { return {"float", "bfloat16"}; }

/// The name of T among them.
template <class T>
inline constexpr const char* precision_name = cnnrnn::is_bfloat16<T> ? "bfloat16" : "float";

}  // namespace program
