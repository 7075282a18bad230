#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/backward.hpp"
#include "cnnrnn/autograd/grad_mode.hpp"
#include "cnnrnn/autograd/observer.hpp"
#include "cnnrnn/autograd/record.hpp"
#include "cnnrnn/autograd/saved.hpp"

CNNRNN_NAMESPACE_BEGIN

namespace detail {

/// Copies numbers into a tensor of another scalar.
template <class From, class To>
void copy_converted(const Tensor<From>& from, Tensor<To>& to) {
  constexpr Index block = 1 << 14;
  parallel_for(from.size(), block,
               [x = from.data(), y = to.mutable_data()](Index begin, Index end) {
                 std::transform(x + begin, x + end, y + begin,
                                [](From value) { return static_cast<To>(value); });
               });
}

}  // namespace detail

/// A tensor with a place in the graph. Copies are handles to the same value and gradient.
template <class T>
class Variable {
 public:
  /// The scalar type.
  using value_type = T;

  /// An undefined variable.
  Variable() = default;

  /// A constant: no gradient flows to it.
  Variable(Tensor<T> value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant

  /// A leaf that collects a gradient if `requires_grad`: a parameter, or an input to look at.
  Variable(Tensor<T> value, bool requires_grad) : value_(std::move(value)) {
    edge_.record = Record<T>::leaf(value_.shape(), requires_grad);
  }

  /// The output of a recorded operation; operations call record() instead.
  Variable(Tensor<T> value, Edge<T> edge) : value_(std::move(value)), edge_(std::move(edge)) {}

  /// Whether there is a tensor; an undefined variable means "none".
  bool defined() const { return value_.defined(); }

  /// The tensor.
  const Tensor<T>& value() const { return value_; }

  /// The shape of the tensor.
  const Shape& shape() const { return value_.shape(); }

  /// The length of an axis; negative axes count from the end.
  Index dim(Index axis) const { return value_.dim(axis); }

  /// The number of axes.
  Index rank() const { return value_.rank(); }

  /// The only element. Throws ShapeError if there are more.
  T item() const { return value_.item(); }

  /// The value for an update in place, as an optimizer does it: write into its memory, which all
  /// handles share. Assigning another tensor would part this handle from the others.
  Tensor<T>& mutable_value() { return value_; }

  /// What an optimizer updates and a file holds: the value itself, and for bfloat16 its master, in
  /// float, which keeps the steps that are too small for the value. The first call makes it; after
  /// a change of the value it is that again. Whoever writes to the master calls round_master.
  Tensor<Accumulator<T>> master() {
    if constexpr (is_bfloat16<T>) {
      if (!edge_) {
        edge_.record = Record<T>::leaf(value_.shape(), false);
      }
      auto& master = edge_.record->master;
      if (!master.tensor.defined()) {
        master.tensor = Tensor<float>(value_.shape());
      }
      if (master.version_of_value != value_.version()) {
        detail::copy_converted(value_, master.tensor);
        note_versions();
      }
      return master.tensor;
    } else {
      return value_;
    }
  }

  /// Rounds the master into the value, if somebody has written to it.
  void round_master() {
    if constexpr (is_bfloat16<T>) {
      if (edge_ && edge_.record->master.tensor.defined() &&
          edge_.record->master.tensor.version() != edge_.record->master.version) {
        detail::copy_converted(edge_.record->master.tensor, value_);
        note_versions();
      }
    }
  }

  /// Says that the value is the master, rounded: for who has written to both.
  void note_rounded() requires is_bfloat16<T> { note_versions(); }

  /// Forgets the master; the next call of master() makes one of the value.
  void drop_master() requires is_bfloat16<T> {
    if (edge_) {
      edge_.record->master = {};
    }
  }

  /// Whether backward gives it a gradient.
  bool requires_grad() const { return edge_ && edge_.record->requires_grad; }

  /// Whether it collects a gradient from now on, for all handles of the leaf. One that does not is
  /// frozen: operations compute no gradient for it, also those that are recorded already, and it
  /// forgets the gradient it has. A constant becomes a leaf, for this handle and its copies. Throws
  /// GraphError for the result of a recorded operation; see detach.
  void set_requires_grad(bool required) {
    if (!edge_ && required) {
      edge_.record = Record<T>::leaf(value_.shape());
    }
    if (!edge_) {
      return;
    }
    require<GraphError>(edge_.record->is_leaf(),
                        "set_requires_grad: expected a parameter or an input, got the output of ",
                        edge_.record->name);
    edge_.record->requires_grad = required;
    if (!required) {
      zero_grad();
    }
  }

  /// The gradient collected so far; undefined when there is none.
  Tensor<T> grad() const { return edge_ ? edge_.gradient() : Tensor<T>(); }

  /// Replaces the collected gradient, as clipping does it. Throws GraphError unless the variable
  /// requires a gradient, ShapeError for another shape.
  void set_grad(Tensor<T> gradient) {
    require<GraphError>(requires_grad(),
                        "set_grad: expected a variable that requires a gradient, got a constant");
    require<ShapeError>(gradient.shape() == shape(), "set_grad: expected shape ", shape(), ", got ",
                        gradient.shape());
    edge_.gradient() = std::move(gradient);
  }

  /// Clears the gradient.
  void zero_grad() {
    if (edge_) {
      edge_.gradient() = {};
    }
  }

  /// The same value outside the graph.
  Variable detach() const { return Variable(value_); }

  /// Runs backward from this scalar. Throws ShapeError when it is not one, GraphError when it does
  /// not depend on a leaf that requires a gradient.
  void backward(const BackwardOptions& options = {}) const {
    require<ShapeError>(value_.size() == 1, "backward: expected a scalar, got ", shape(),
                        " (give the gradient of the output)");
    backward(Tensor<T>::full(shape(), T(1)), options);
  }

  /// Runs backward with the given gradient of this variable, of the same shape.
  void backward(const Tensor<T>& gradient, const BackwardOptions& options = {}) const {
    require<GraphError>(
        requires_grad(),
        "backward: expected a result that depends on a leaf with a gradient, got a constant");
    require<ShapeError>(gradient.defined() && gradient.shape() == shape(),
                        "backward: expected a gradient of shape ", shape(), ", got ",
                        gradient.defined() ? to_message(gradient.shape()) : "an undefined one");
    cnnrnn::backward<T>({edge_}, {gradient}, options);
  }

  /// Where it comes from on the tape.
  const Edge<T>& edge() const { return edge_; }

 private:
  void note_versions() {
    edge_.record->master.version = edge_.record->master.tensor.version();
    edge_.record->master.version_of_value = value_.version();
  }

  Tensor<T> value_;
  Edge<T> edge_;
};

namespace detail {

/// Whether an operation on these inputs belongs on the tape.
template <class T>
bool recording(const std::vector<Variable<T>>& inputs) {
  return grad_enabled() && std::any_of(inputs.begin(), inputs.end(), [](const Variable<T>& input) {
           return input.requires_grad();
         });
}

template <class T>
std::vector<Variable<T>> put_on_tape(std::string_view name, const std::vector<Variable<T>>& inputs,
                                     const std::vector<Tensor<T>>& outputs,
                                     typename Record<T>::Backward backward) {
  std::vector<Edge<T>> edges;
  edges.reserve(inputs.size());
  for (const auto& input : inputs) {
    edges.push_back(input.edge());
  }
  std::vector<Shape> shapes;
  shapes.reserve(outputs.size());
  for (const auto& output : outputs) {
    shapes.push_back(output.shape());
  }
  const auto record = std::make_shared<Record<T>>(std::string(name), std::move(edges),
                                                  std::move(shapes), std::move(backward));
  if (auto* const observer = Observer<T>::current(); observer != nullptr) {
    observer->recorded(*record);
  }
  std::vector<Variable<T>> results;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    results.emplace_back(outputs[i], Edge<T>{record, static_cast<Index>(i)});
  }
  return results;
}

}  // namespace detail

/// Puts an operation with several outputs on the tape: its name, its inputs, the computed outputs
/// and the function that turns output gradients into input gradients. Nothing is recorded, and
/// `backward` is dropped, when no input requires a gradient or under a NoGradGuard.
template <class T, class Backward>
std::vector<Variable<T>> record(std::string_view name, const std::vector<Variable<T>>& inputs,
                                const std::vector<Tensor<T>>& outputs, Backward&& backward) {
  if (auto* const observer = Observer<T>::current(); observer != nullptr) {
    observer->operation(name, inputs, outputs);
  }
  if (!detail::recording(inputs)) {
    return {outputs.begin(), outputs.end()};
  }
  return detail::put_on_tape<T>(name, inputs, outputs, std::forward<Backward>(backward));
}

/// The same for one output.
template <class T, class Backward>
Variable<T> record(std::string_view name, const std::vector<Variable<T>>& inputs,
                   const Tensor<T>& output, Backward&& backward) {
  return record(name, inputs, std::vector<Tensor<T>>{output}, std::forward<Backward>(backward))
      .front();
}

CNNRNN_NAMESPACE_END
