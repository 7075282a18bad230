#pragma once

#include <utility>

#include "cnnrnn/nn/fusion.hpp"
#include "cnnrnn/ops/relu.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// What a ReLU, or ReLU6, y of x passes on of a signal that runs back through it.
enum class ReluRule {
  gradient,       ///< the signal where x was positive (Simonyan, Vedaldi and Zisserman 2014)
  deconvolution,  ///< the signal's positive part (Zeiler and Fergus 2014)
  guided          ///< the signal's positive part where x was positive (Springenberg et al. 2015)
};

/// Projects signals at the output of a network back to its input: a deconvolutional network, after
/// Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 2.1.
///
/// The signal runs back through the linear layers as a gradient does, which is what they ask for:
/// through convolutions with the filters transposed, through max-pooling to the places that had won
/// in the forward pass, their switches, through batch norm in evaluation by its scale, and through
/// a sum by all its branches. ReLUs pass on what the rule says. Everything else, recurrent layers
/// among it, has nothing to be undone by: it passes on its gradient.
///
///   model.eval();
///   nn::BackProjection<float> projection(
///       images, [&](const auto& x) { return model.stage(x); });      // (N, 32, 32, 3)
///   auto signal = Tensor<float>::zeros(projection.y().shape());      // (N, 16, 16, 32)
///   signal.mutable_at(0, 5, 7, 3) = projection.y()(0, 5, 7, 3);
///   const Tensor<float> pixels = projection.back(signal);            // (N, 32, 32, 3)
///
/// Parameters collect no gradient of it. It holds what a backward pass would.
template <class T>
class BackProjection {
 public:
  /// Runs forward, y = network(x), each layer by itself. Throws GraphError when y does not depend
  /// on x, or is not recorded because of a NoGradGuard.
  template <class Network>
  BackProjection(const Tensor<T>& x, Network&& network, ReluRule rule = ReluRule::deconvolution)
      : x_(x, true) {
    const NoFusionGuard apart;
    y_ = network(std::as_const(x_));
    require<GraphError>(y_.requires_grad(),
                        "BackProjection: expected a result that depends on x and is recorded, got "
                        "a constant");
    for (const auto& [record, uses] : cnnrnn::detail::count_uses<T>({y_.edge()})) {
      leave_parameters(*record);
      if (rule != ReluRule::gradient && (record->name == "relu" || record->name == "relu6")) {
        rectify(*record, rule);
      }
    }
  }

  BackProjection(const BackProjection&) = delete;
  BackProjection& operator=(const BackProjection&) = delete;

  /// What the network makes of x.
  const Tensor<T>& y() const { return y_.value(); }

  /// A signal of the shape of y, projected back: of the shape of x. Throws ShapeError.
  Tensor<T> back(const Tensor<T>& signal) {
    x_.zero_grad();
    y_.backward(signal, {.retain_graph = true});
    return x_.grad();
  }

 private:
  /// Parameters are leaves that others train: the records, which are this projection's own, forget
  /// them.
  void leave_parameters(Record<T>& record) const {
    for (auto& input : record.inputs) {
      if (input && input.record->is_leaf() && input.record != x_.edge().record) {
        input = {};
      }
    }
  }

  static void rectify(Record<T>& record, ReluRule rule) {
    record.backward = [&record, rule, gradient = std::move(record.backward)](Gradients<T>& g) {
      const Tensor<T> rectified = relu(Variable<T>(g.dy())).value();
      if (rule == ReluRule::deconvolution) {
        g.give(0, rectified);
      } else {
        record.gradients.front() = rectified;
        gradient(g);
      }
    };
  }

  Variable<T> x_;
  Variable<T> y_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
