#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cnnrnn/autograd/observer.hpp"
#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "cnnrnn/train/evaluate.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

namespace detail {

template <class T>
bool all_finite(const Tensor<T>& tensor) {
  const auto values = tensor.span();
  return std::all_of(values.begin(), values.end(), [](T value) { return std::isfinite(value); });
}

/// Notes the first operation with an output that is not finite, and the layer it belongs to: that
/// whose parameters it takes, or else the last one before it.
template <class T>
class NonfiniteSearch : private Observer<T> {
 public:
  explicit NonfiniteSearch(nn::Module<T>& model) {
    for (const auto& [path, parameter] : model.named_parameters()) {
      if (parameter.edge()) {  // all others have no record, and cannot be told apart
        layers_.emplace(parameter.edge().record.get(), path.substr(0, path.rfind('.')));
      }
    }
  }

  /// Nothing as long as all is finite.
  const std::string& found() const { return found_; }

 private:
  void operation(std::string_view name, const std::vector<Variable<T>>& inputs,
                 const std::vector<Tensor<T>>& outputs) override {
    bool own = false;
    for (const auto& input : inputs) {
      const auto layer = layers_.find(input.edge().record.get());
      if (layer != layers_.end()) {
        layer_ = layer->second;
        own = true;
      }
    }
    if (found_.empty() && !std::all_of(outputs.begin(), outputs.end(), all_finite<T>)) {
      found_ = to_message("the output of ", name,
                          layer_.empty() ? "" : (own ? ", layer " : ", behind layer "), layer_);
    }
  }

  std::map<const Record<T>*, std::string> layers_;
  std::string layer_;
  std::string found_;
};

/// Gives a model the state back that it had: by restore(), or at the end of the scope when an
/// exception leaves it, then as far as there is memory.
template <class T>
class StateGuard {
 public:
  explicit StateGuard(nn::Module<T>& model)
      : model_(model), before_(nn::state_dict(model).clone()) {}
  ~StateGuard() {
    try {
      restore();
    } catch (...) {  // the exception under way says more
    }
  }
  StateGuard(const StateGuard&) = delete;
  StateGuard& operator=(const StateGuard&) = delete;

  void restore() {
    if (!restored_) {
      nn::load_state_dict(model_, before_);
      restored_ = true;
    }
  }

 private:
  nn::Module<T>& model_;
  nn::StateDict<T> before_;
  bool restored_ = false;
};

}  // namespace detail

/// What is the first that is not finite when a model's loss is computed on a batch, in the model's
/// mode: `the output of conv2d, layer stages.0.3`, or `the input`; nothing if all is. The model's
/// buffers and generators are as before then; dropout drops other elements than it did last time.
template <class T>
std::string first_nonfinite(nn::Layer<T>& model, const LossFunction<T>& loss,
                            const data::Batch<T>& batch) {
  if (!detail::all_finite(batch.images)) {
    return "the input";
  }
  detail::StateGuard<T> guard(model);
  detail::NonfiniteSearch<T> search(model);
  loss(model(Variable<T>(batch.images)), batch);
  guard.restore();
  return search.found();
}

}  // namespace train
CNNRNN_NAMESPACE_END
