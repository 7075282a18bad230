#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "support/op_table.hpp"

/// A module as an op of its input and its parameters, so that a table tests the gradients of all of
/// them. `make` builds it from a T() and a Random; `call` is what one does with it.
template <class Make, class Call>
Op layer_op(Make make, Call call) {
  return Op([make, call](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    class Setter : public cnnrnn::nn::Visitor<T> {
     public:
      explicit Setter(const Variables<T>& values) : values_(values) {}

     private:
      void parameter(const std::string& /*path*/, cnnrnn::Variable<T>& value) override {
        value = values_.at(++last_);
      }

      const Variables<T>& values_;
      std::size_t last_ = 0;  // behind the input
    };
    cnnrnn::Random random(1);
    auto layer = make(T(), random);
    Setter setter(v);
    layer.visit(setter);
    return call(layer, v[0]);
  });
}
template <class Make>
Op layer_op(Make make) {
  return layer_op(make, [](auto& layer, const auto& x) { return layer(x); });
}

/// An input and random values for the parameters of what `make` builds.
template <class Make>
Tensors<double> layer_inputs(Make make, const cnnrnn::Tensor<double>& x) {
  cnnrnn::Random random(1);
  auto layer = make(double(), random);
  Tensors<double> inputs{x};
  for (const auto& parameter : layer.parameters()) {
    inputs.push_back(random_tensor<double>(parameter.shape(), 50 + inputs.size()));
  }
  return inputs;
}
