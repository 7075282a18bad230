#pragma once

#include <string>

#include "cnnrnn/core/shape.hpp"

/// What the networks of Yin, Zhang and Shao (2019) are asked for.
struct NetworkOptions {
  std::string rnn = "none";           ///< the cell that reads feature maps; one of rnn_names()
  std::string peepholes = "default";  ///< of its gates; one of peephole_names() that it has
  std::string wavelet = "none";       ///< what the maps pass before; one of wavelet_names()
  std::string taps = "all";           ///< the stages whose maps are read: all, or as in 1 and 1,3
  cnnrnn::Index classes = 10;
};
