#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/rnn_choice.hpp"

/// The last dense layer of a network, which reads the network's own features and those of branches
/// beside it, with dropout before it if NetworkOptions ask for it. What read-outs give counts for
/// nothing at the start: the network begins as the plain one.
template <class T>
class RnnHead : public cnnrnn::nn::Module<T> {
  using Index = cnnrnn::Index;
  using Variable = cnnrnn::Variable<T>;

 public:
  RnnHead(Index own, Index joined, const NetworkOptions& options, cnnrnn::Random& random)
      : out_(own + joined, options.classes, {.zero_inputs = options.join == "readout" ? joined : 0},
             random) {
    if (options.dropout > 0) {
      auto apart = apart_from(random);
      dropout_.emplace(options.dropout, apart);
    }
  }

  /// Features (N, own) and those of the branches -> logits (N, classes).
  Variable operator()(const Variable& own, std::vector<Variable> joined) {
    joined.insert(joined.begin(), own);
    const Variable all = joined.size() == 1 ? own : concat(joined);
    return out_(dropout_ ? (*dropout_)(all) : all);
  }

  void visit(cnnrnn::nn::Visitor<T>& visitor) override {
    out_.visit(visitor);
    if (dropout_) {
      visitor("dropout", *dropout_);
    }
  }

  std::string describe() const override { return out_.describe(); }

 private:
  cnnrnn::nn::Linear<T> out_;
  std::optional<cnnrnn::nn::Dropout<T>> dropout_;
};
