#pragma once

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/observer.hpp"
#include "cnnrnn/autograd/record.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of Variable::backward.
struct BackwardOptions {
  bool retain_graph = false;  ///< keep what was saved, so that backward can run again
};

namespace detail {

/// How many recorded uses each record's outputs have among the records that lead to the roots.
template <class T>
std::unordered_map<Record<T>*, Index> count_uses(const std::vector<Edge<T>>& roots) {
  std::unordered_map<Record<T>*, Index> uses;
  std::vector<Record<T>*> open;
  const auto visit = [&](const Edge<T>& edge, Index use) {
    const auto [entry, first] = uses.try_emplace(edge.record.get(), 0);
    entry->second += use;
    if (first) {
      open.push_back(edge.record.get());
    }
  };
  for (const auto& root : roots) {
    visit(root, 0);
  }
  while (!open.empty()) {
    Record<T>* const record = open.back();
    open.pop_back();
    for (const auto& input : record->inputs) {
      if (input) {
        visit(input, 1);
      }
    }
  }
  return uses;
}

template <class T>
void run_backward(Record<T>& record, const BackwardOptions& options) {
  require<GraphError>(static_cast<bool>(record.backward), "backward of ", record.name,
                      ": expected a recorded graph, got one that a backward pass has freed "
                      "(keep it with {.retain_graph = true})");
  Gradients<T> gradients(record);
  auto* const observer = Observer<T>::current();
  try {
    if (observer != nullptr) {
      observer->backward_begins(record);
    }
    record.backward(gradients);
    gradients.finish();
    if (observer != nullptr) {
      observer->backward_ends(record);
    }
  } catch (const GraphError& error) {
    throw GraphError(to_message("backward of ", record.name, ": ", error.what()));
  }
  if (!options.retain_graph) {
    record.backward = nullptr;
  }
}

/// Throws before anything is changed unless there is a fitting gradient for each root.
template <class T>
void check_roots(const std::vector<Edge<T>>& roots, const std::vector<Tensor<T>>& gradients) {
  require<GraphError>(roots.size() == gradients.size(),
                      "backward: expected a gradient for each root, got ", gradients.size(),
                      " for ", roots.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    require<GraphError>(
        static_cast<bool>(roots[i]),
        "backward: expected a result that depends on a leaf with a gradient, got a constant");
    require<ShapeError>(
        gradients[i].defined() && gradients[i].shape() == roots[i].shape(),
        "backward: expected a gradient of shape ", roots[i].shape(), ", got ",
        gradients[i].defined() ? to_message(gradients[i].shape()) : "an undefined one");
  }
}

template <class T>
void clear_gradients(Record<T>& record) {
  for (auto& gradient : record.gradients) {
    gradient = {};
  }
}

template <class T>
void complete_leaf(const Record<T>& leaf) {
  if (auto* const observer = Observer<T>::current(); observer != nullptr) {
    observer->gradient_complete(leaf);
  }
}

/// Runs the records from the roots on, each when all its uses have run.
template <class T>
void run_records(const std::vector<Edge<T>>& roots, std::unordered_map<Record<T>*, Index>& uses,
                 const BackwardOptions& options) {
  std::vector<Record<T>*> ready;
  for (const auto& root : roots) {
    const auto entry = uses.find(root.record.get());
    if (entry->second == 0) {
      entry->second = -1;  // once, although several roots may be outputs of one record
      ready.push_back(root.record.get());
    }
  }
  while (!ready.empty()) {
    Record<T>* const record = ready.back();
    ready.pop_back();
    if (record->is_leaf()) {
      continue;
    }
    const auto has_gradient = [](const Tensor<T>& gradient) { return gradient.defined(); };
    if (std::any_of(record->gradients.begin(), record->gradients.end(), has_gradient)) {
      run_backward(*record, options);
    }
    clear_gradients(*record);
    for (const auto& input : record->inputs) {
      if (!input || --uses[input.record.get()] > 0) {
        continue;
      }
      if (input.record->is_leaf()) {
        complete_leaf(*input.record);
      } else {
        ready.push_back(input.record.get());
      }
    }
  }
}

}  // namespace detail

/// Runs the tape from the given outputs back to the leaves, whose gradients are added to. Each
/// record runs once, after all its uses, without recursion. Throws GraphError when the graph was
/// freed by an earlier pass or a saved tensor was changed, ShapeError for a gradient of another
/// shape than its output. After a failure leaves may hold a part of their gradients.
template <class T>
void backward(const std::vector<Edge<T>>& roots, const std::vector<Tensor<T>>& gradients,
              const BackwardOptions& options = {}) {
  detail::check_roots(roots, gradients);
  auto uses = detail::count_uses(roots);
  try {
    for (std::size_t i = 0; i < roots.size(); ++i) {
      roots[i].add(gradients[i]);
    }
    detail::run_records(roots, uses, options);
  } catch (...) {
    // A later pass over a kept graph must not add to what this one left behind.
    for (const auto& [record, left] : uses) {
      if (!record->is_leaf()) {
        detail::clear_gradients(*record);
      }
    }
    throw;
  }
}

CNNRNN_NAMESPACE_END
