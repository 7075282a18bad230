#pragma once

#include <string_view>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/kernels/loops.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace detail {

/// A variable in float: a leaf of its own, if the other may collect a gradient, now or later.
template <class T>
Variable<float> in_float(const Variable<T>& x) {
  return x.defined() ? Variable<float>(kernels::widened(x.value()), static_cast<bool>(x.edge()))
                     : Variable<float>();
}

/// Rounds the gradients that float leaves have collected into those of the inputs.
template <class T>
void give_rounded(Gradients<T>& g, std::vector<Variable<float>>& leaves) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto input = static_cast<Index>(i);
    if (const auto gradient = leaves[i].grad(); gradient.defined() && g.needs(input)) {
      kernels::round_gradient(gradient.data(), g.dx(input));
    }
    leaves[i].zero_grad();
  }
}

/// Leaves the variables their places in the graph, and takes their values, of which the operation
/// has saved what it needs.
inline void drop_values(std::vector<Variable<float>>& variables) {
  for (auto& variable : variables) {
    variable = Variable<float>(Tensor<float>(), variable.edge());
  }
}

/// An operation on bfloat16 that is computed in float: op(inputs in float) gives its outputs, which
/// are rounded once, as the gradients are. What op saves for backward is float.
template <class T, class Op>
std::vector<Variable<T>> all_in_float(std::string_view name, const std::vector<Variable<T>>& inputs,
                                      const Op& op) {
  std::vector<Variable<float>> leaves;
  for (const auto& input : inputs) {
    leaves.push_back(in_float(input));
  }
  std::vector<Variable<float>> outputs = op(leaves);
  std::vector<Tensor<T>> values;
  for (const auto& output : outputs) {
    values.push_back(kernels::rounded<T>(output.value()));
  }
  drop_values(leaves);
  drop_values(outputs);
  return record<T>(name, inputs, values, [leaves, outputs](Gradients<T>& g) mutable {
    std::vector<Edge<float>> roots;
    std::vector<Tensor<float>> upstream;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (const auto& dy = g.dy(static_cast<Index>(i));
          outputs[i].requires_grad() && dy.defined()) {
        roots.push_back(outputs[i].edge());
        upstream.push_back(kernels::widened(dy));
      }
    }
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].edge()) {
        leaves[i].set_requires_grad(g.needs(static_cast<Index>(i)));
      }
    }
    backward(roots, upstream, {.retain_graph = true});
    give_rounded(g, leaves);
  });
}

/// The same for an operation of one output.
template <class T, class Op>
Variable<T> one_in_float(std::string_view name, const std::vector<Variable<T>>& inputs,
                         const Op& op) {
  return all_in_float(name, inputs,
                      [&](const std::vector<Variable<float>>& v) {
                        return std::vector<Variable<float>>{op(v)};
                      })
      .front();
}

}  // namespace detail
CNNRNN_NAMESPACE_END
