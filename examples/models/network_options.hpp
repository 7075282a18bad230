#pragma once

#include <string>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

/// What the networks of Yin, Zhang and Shao (2019) are asked for.
struct NetworkOptions {
  std::string rnn = "none";           ///< the cell that reads feature maps; one of rnn_names()
  std::string join = "tap";           ///< how it joins the network; one of join_names()
  std::string after = "default";      ///< the stages it is behind: all, or as in 1 and 1,3
  std::string peepholes = "default";  ///< of its gates; one of peephole_names() that it has
  std::string wavelet = "none";       ///< what the maps pass before; one of wavelet_names()
  std::string taps = "all";           ///< `after` of taps, by its older name
  std::string control = "none";       ///< what it has in place of an rnn; one of control_names()
  double dropout = 0;                 ///< of what goes into the last dense layer, in training
  cnnrnn::Index classes = 10;
};

/// What NetworkOptions::join may be: taps, which read patches row by row and give their last states
/// to the last dense layer (Yin, Zhang and Shao 2019); read-outs, which give it states of rows and
/// columns, pooled over the map; sweeps, which add states of rows and columns to the map itself.
inline std::vector<std::string> join_names() { return {"tap", "readout", "sweep"}; }

/// What NetworkOptions::control may be: what a network has in place of an rnn, to tell what
/// recurrence gains from what any more of the network would. A convolution is 3x3, with batch norm
/// and ReLU, where a sweep would be; dense makes the hidden dense layers twice as wide.
inline std::vector<std::string> control_names() { return {"none", "convolution", "dense"}; }

/// What differs from the plain network, and the rnn: `rnn lstm, taps 1,3`.
inline std::string describe(const NetworkOptions& options) {
  return "rnn " + options.rnn + (options.join == "tap" ? "" : ", join " + options.join) +
         (options.after == "default" ? "" : ", after " + options.after) +
         (options.peepholes == "default" ? "" : ", peepholes " + options.peepholes) +
         (options.wavelet == "none" ? "" : ", wavelet " + options.wavelet) +
         (options.taps == "all" ? "" : ", taps " + options.taps) +
         (options.control == "none" ? "" : ", control " + options.control) +
         (options.dropout == 0 ? "" : cnnrnn::to_message(", dropout ", options.dropout));
}
