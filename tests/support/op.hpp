#pragma once

#include <concepts>
#include <functional>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"

template <class T>
using Variables = std::vector<cnnrnn::Variable<T>>;

/// An op of two scalar types, made of a function of Variables<T> that gives one variable or
/// several.
template <class First, class Second>
class OpOf {
 public:
  template <class F>
  requires(!std::same_as<F, OpOf>) OpOf(F function)  // NOLINT: a row of a table holds the function
      : first_([function](const Variables<First>& v) { return several(function(v)); }),
        second_([function](const Variables<Second>& v) { return several(function(v)); }) {}

  Variables<First> operator()(const Variables<First>& v) const { return first_(v); }
  Variables<Second> operator()(const Variables<Second>& v) const { return second_(v); }

 private:
  template <class T>
  static Variables<T> several(cnnrnn::Variable<T> one) {
    return {std::move(one)};
  }
  template <class T>
  static Variables<T> several(Variables<T> all) {
    return all;
  }

  std::function<Variables<First>(const Variables<First>&)> first_;
  std::function<Variables<Second>(const Variables<Second>&)> second_;
};
