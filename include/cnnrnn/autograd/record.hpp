#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN

template <class T>
class Record;

/// One output of a record: where a variable comes from, and where its gradient goes.
template <class T>
struct Edge {
  std::shared_ptr<Record<T>> record;  ///< the operation
  Index output = 0;                   ///< which of its outputs

  /// Whether there is a record: constants have none.
  explicit operator bool() const { return record != nullptr; }
  friend bool operator==(const Edge&, const Edge&) = default;

  /// The shape of the output.
  const Shape& shape() const { return record->shapes[static_cast<std::size_t>(output)]; }

  /// The gradient of the output; undefined while there is none.
  Tensor<T>& gradient() const { return record->gradients[static_cast<std::size_t>(output)]; }

  /// Adds a finished tensor to the gradient. The first one is taken as it is, not copied.
  void add(const Tensor<T>& contribution) const {
    require<GraphError>(contribution.shape() == shape(), "expected a gradient of shape ", shape(),
                        ", got ", contribution.shape());
    if (!gradient().defined()) {
      gradient() = contribution;
      return;
    }
    T* const sum = writable().data();
    const T* const term = contribution.data();
    constexpr Index block = 1 << 14;
    parallel_for(contribution.size(), block, [=](Index begin, Index end) {
      std::transform(sum + begin, sum + end, term + begin, sum + begin,
                     [](T a, T b) { return static_cast<T>(a + b); });
    });
  }

  /// The gradient's memory for a kernel to store in or add to. A gradient that someone else holds
  /// is copied first.
  GradientSpan<T> writable() const {
    Tensor<T>& sum = gradient();
    const bool accumulate = sum.defined();
    if (!accumulate) {
      sum = Tensor<T>(shape());
    } else if (!sum.unique()) {
      sum = sum.clone();
    }
    return {sum.mutable_span(), accumulate};
  }
};

/// What the backward function of an operation works with: the gradients that came for its outputs,
/// and the places for those of its inputs.
template <class T>
class Gradients {
 public:
  /// The gradients of a record whose backward function runs next.
  explicit Gradients(Record<T>& record)
      : record_(record), asked_(record.inputs.size()), apart_(record.inputs.size()) {}

  /// The gradient of output `output`; undefined when no result depends on it.
  const Tensor<T>& dy(Index output = 0) const {
    return record_.gradients[static_cast<std::size_t>(output)];
  }

  /// Whether the gradient of input `input` is wanted.
  bool needs(Index input) const {
    return static_cast<bool>(edge(input)) && edge(input).record->requires_grad;
  }

  /// Where to leave the gradient of input `input`; no values when it is not wanted. Ask once.
  GradientSpan<T> dx(Index input = 0) {
    if (!needs(input)) {
      return {};
    }
    const bool twice = asked_before(input);
    asked_[static_cast<std::size_t>(input)] = true;
    if (!twice) {
      return edge(input).writable();
    }
    auto& apart = apart_[static_cast<std::size_t>(input)];  // mul(x, x): two parts of one gradient
    apart = Tensor<T>(edge(input).shape());
    return {apart.mutable_span(), false};
  }

  /// As dx, but in the memory of dy, of the same size, if nobody else holds that and nothing is to
  /// be added to: half the memory, and none that has to be fetched first. For kernels that have
  /// read all they need of dy(output)[i] when they store dx[i]; dy is lost then.
  GradientSpan<T> dx_over_dy(Index input = 0, Index output = 0) {
    Tensor<T>& upstream = record_.gradients[static_cast<std::size_t>(output)];
    if (!needs(input) || asked_before(input) || edge(input).gradient().defined() ||
        !upstream.unique() || upstream.size() != edge(input).shape().size()) {
      return dx(input);
    }
    asked_[static_cast<std::size_t>(input)] = true;
    edge(input).gradient() = upstream.reshape(edge(input).shape());
    return {upstream.mutable_span(), false};
  }

  /// Gives a finished gradient for input `input`; the tensor may be shared (a reshaped dy).
  void give(Index input, const Tensor<T>& gradient) {
    if (!needs(input)) {
      return;
    }
    if (asked_before(input)) {  // a kernel may yet store in what dx() handed out
      apart_[static_cast<std::size_t>(input)] = gradient;
    } else {
      edge(input).add(gradient);
    }
  }

  /// Adds up what was kept apart. Called once, after the backward function.
  void finish() {
    for (std::size_t input = 0; input < apart_.size(); ++input) {
      if (apart_[input].defined()) {
        record_.inputs[input].add(apart_[input]);
      }
    }
  }

 private:
  const Edge<T>& edge(Index input) const { return record_.inputs[static_cast<std::size_t>(input)]; }
  bool asked_before(Index input) const {
    for (std::size_t other = 0; other < asked_.size(); ++other) {
      if (asked_[other] && record_.inputs[other] == edge(input)) {
        return true;
      }
    }
    return false;
  }

  Record<T>& record_;
  std::vector<bool> asked_;
  std::vector<Tensor<T>> apart_;
};

namespace detail {

/// What a leaf has beside its value: nothing, or for bfloat16 the number in float, and the versions
/// of both where they were the same.
template <class T>
struct Master {};
template <>
struct Master<bfloat16> {
  static constexpr std::uint64_t never = ~std::uint64_t{0};

  Tensor<float> tensor;
  std::uint64_t version = never;
  std::uint64_t version_of_value = never;
};

}  // namespace detail

/// One operation on the tape. A leaf (a parameter, an input) is a record without inputs whose
/// gradient stays. Backward functions capture tensors and never variables, so no cycle can form.
template <class T>
class Record {
 public:
  /// A backward function: reads dy and leaves dx.
  using Backward = std::function<void(Gradients<T>&)>;

  /// An operation on the tape: its name, where its inputs come from, and the shapes of its outputs.
  Record(std::string operation, std::vector<Edge<T>> from, std::vector<Shape> to, Backward function)
      : name(std::move(operation)),
        inputs(std::move(from)),
        shapes(std::move(to)),
        gradients(shapes.size()),
        backward(std::move(function)) {}

  /// A record without inputs, of a parameter or an input.
  static std::shared_ptr<Record> leaf(const Shape& shape, bool requires_grad = true) {
    auto record = std::make_shared<Record>("leaf", std::vector<Edge<T>>{},
                                           std::vector<Shape>{shape}, nullptr);
    record->requires_grad = requires_grad;
    return record;
  }

  // A long chain must not be destroyed by recursion: what only this record holds goes on a list.
  ~Record() {
    std::vector<Edge<T>> orphans = std::move(inputs);
    while (!orphans.empty()) {
      const Edge<T> edge = std::move(orphans.back());
      orphans.pop_back();
      if (edge && edge.record.use_count() == 1) {
        std::move(edge.record->inputs.begin(), edge.record->inputs.end(),
                  std::back_inserter(orphans));
        edge.record->inputs.clear();
      }
    }
  }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  /// Whether it is a parameter or an input: its gradient stays after the backward pass.
  bool is_leaf() const { return inputs.empty(); }

  std::string name;                  ///< of the operation, for messages and observers
  std::vector<Edge<T>> inputs;       ///< where they come from
  std::vector<Shape> shapes;         ///< of the outputs
  std::vector<Tensor<T>> gradients;  ///< of the outputs; undefined while there are none
  Backward backward;                 ///< empty in a leaf, and once the graph has been freed
  bool requires_grad = true;         ///< false: a leaf that is frozen
  [[no_unique_address]] detail::Master<T> master;  ///< see Variable::master
};

CNNRNN_NAMESPACE_END
