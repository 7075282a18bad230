#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/backward.hpp"
#include "cnnrnn/nn/module.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

/// A case of a fixture of recurrent layers: its options, and its tensors under short names.
template <class T>
class RecurrentCase {
 public:
  RecurrentCase(const Fixture& fixture, std::string name)
      : fixture_(fixture),
        name_(std::move(name)),
        options_(fixture.get<cnnrnn::Index>(at("options"))) {}

  bool has(const std::string& key) const { return fixture_.has(at(key)); }
  cnnrnn::Tensor<T> get(const std::string& key) const { return fixture_.get<T>(at(key)); }

  cnnrnn::Index features() const { return get("x").dim(2); }
  cnnrnn::Index units() const { return get("weight_hh_l0").dim(1); }
  cnnrnn::Index layers() const { return options_(0); }
  bool bidirectional() const { return options_(1) == 1; }
  bool batch_first() const { return options_(2) == 1; }

  std::vector<cnnrnn::Index> lengths() const {
    if (!has("lengths")) {
      return {};
    }
    const auto lengths = fixture_.get<cnnrnn::Index>(at("lengths"));
    return {lengths.span().begin(), lengths.span().end()};
  }

  /// A leaf with the values of the case, or none: an initial state that the case does not give.
  cnnrnn::Variable<T> leaf(const std::string& key) const {
    return has(key) ? cnnrnn::Variable<T>(get(key), true) : cnnrnn::Variable<T>();
  }

  void load(cnnrnn::nn::Module<T>& network) const {
    for (auto& [path, parameter] : network.named_parameters()) {
      parameter.mutable_value().copy_from(get(path));
    }
  }

  using Named = std::vector<std::pair<std::string, cnnrnn::Variable<T>>>;

  /// The outputs, then backward from those that have a gradient, then those of all inputs.
  void compare(const Named& outputs, const Named& inputs, double tolerance) const {
    CAPTURE(name_);
    std::vector<cnnrnn::Edge<T>> roots;
    std::vector<cnnrnn::Tensor<T>> gradients;
    for (const auto& [key, output] : outputs) {
      CAPTURE(key);
      require_close(output.value(), get(key), tolerance);
      if (has("d" + key)) {
        roots.push_back(output.edge());
        gradients.push_back(get("d" + key));
      }
    }
    cnnrnn::backward(roots, gradients);
    for (const auto& [key, input] : inputs) {
      CAPTURE(key);
      if (input.defined()) {
        require_close(input.grad(), get("d" + key), tolerance);
      }
    }
  }

 private:
  std::string at(const std::string& key) const { return name_ + '/' + key; }

  const Fixture& fixture_;
  std::string name_;
  cnnrnn::Tensor<cnnrnn::Index> options_;
};
