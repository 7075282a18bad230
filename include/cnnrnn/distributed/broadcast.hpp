#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/distributed/agreement.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "cnnrnn/optim/optimizer.hpp"
#include "cnnrnn/train/trainer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

namespace detail {

template <class T>
void broadcast_values(const Communicator& processes, Tensor<T>& values) {
  processes.broadcast(values.mutable_span());
}

/// The names and shapes of tensors, a line each.
template <class T>
std::string table_of(const std::map<std::string, Tensor<T>>& tensors) {
  std::string table;
  for (const auto& [name, tensor] : tensors) {
    table += to_message(name, ' ', tensor.shape(), '\n');
  }
  return table;
}

/// The first lines in which two tables differ.
inline std::string differing_lines(const std::string& first, const std::string& other, Index rank) {
  std::size_t begin = 0, end = 0;
  const auto line = [&](const std::string& table) {
    const std::string text = table.substr(std::min(begin, table.size()), end - begin);
    return text.empty() ? "nothing more" : text;
  };
  do {
    begin = end == 0 ? 0 : end + 1;
    end = std::min(first.find('\n', begin), first.size());
  } while (end < first.size() &&
           other.compare(begin, end + 1 - begin, first, begin, end + 1 - begin) == 0);
  const std::string here = line(first);
  end = std::min(other.find('\n', begin), other.size());
  return to_message(here, " on rank 0, ", line(other), " on rank ", rank);
}

/// Gives all processes the names and values that the first has.
template <class U>
void broadcast_entries(const Communicator& processes, std::map<std::string, U>& entries) {
  std::string names;
  std::vector<U> values;
  for (const auto& [name, value] : entries) {
    names += name + '\n';
    values.push_back(value);
  }
  names = processes.broadcast(names);
  values.resize(static_cast<std::size_t>(std::count(names.begin(), names.end(), '\n')));
  processes.broadcast(std::span<U>(values));
  entries.clear();
  std::size_t begin = 0;
  for (const U& value : values) {
    const std::size_t end = names.find('\n', begin);
    entries.emplace(names.substr(begin, end - begin), value);
    begin = end + 1;
  }
}

}  // namespace detail

/// Gives the models of all processes the parameters, buffers and generators of the first. Throws
/// ValueError, in all processes, when the models have other parts.
template <class T>
void broadcast(const Communicator& processes, nn::Module<T>& model) {
  auto state = nn::state_dict(model);
  require_same(processes, "model", detail::table_of(state.tensors), detail::differing_lines);
  for (auto& [name, tensor] : state.tensors) {
    detail::broadcast_values(processes, tensor);
  }
  for (auto& [name, counter] : state.counters) {
    detail::broadcast_values(processes, counter);
  }
  nn::detail::round_masters(model);
  detail::broadcast_entries(processes, state.random_states);
  nn::detail::RandomRestorer<T> restorer(state.random_states);
  model.visit(restorer);
}

/// Gives the optimizers of all processes what the first remembers. They are of the same kind, with
/// the same parameters. Throws ValueError otherwise.
template <class T>
void broadcast(const Communicator& processes, optim::Optimizer<T>& optimizer) {
  optim::OptimizerState<T> state = optimizer.state();
  detail::broadcast_entries(processes, state.steps);
  std::map<std::string, Shape> shapes;
  for (const auto& [name, tensor] : state.tensors) {
    shapes.emplace(name, tensor.shape());
  }
  detail::broadcast_entries(processes, shapes);
  using A = Accumulator<T>;
  std::map<std::string, Tensor<A>> tensors;
  for (const auto& [name, shape] : shapes) {
    Tensor<A> tensor = processes.leads() ? state.tensors.at(name).clone() : Tensor<A>(shape);
    detail::broadcast_values(processes, tensor);
    tensors.emplace(name, std::move(tensor));
  }
  state.tensors = std::move(tensors);
  optimizer.load_state(state);
}

/// Gives all processes the place in a run where the first stands.
inline void broadcast(const Communicator& processes, train::TrainingState& state) {
  Index rows = std::ssize(state.history);
  processes.broadcast(std::span<Index>(&rows, 1));
  state.history.resize(static_cast<std::size_t>(rows));
  processes.broadcast(std::span<train::HistoryRow>(state.history));
  processes.broadcast(std::span<train::RunningMetrics>(&state.running, 1));
  for (Index* const count : {&state.epoch, &state.batch, &state.step}) {
    processes.broadcast(std::span<Index>(count, 1));
  }
  processes.broadcast(std::span<double>(&state.seconds, 1));
}

}  // namespace distributed
CNNRNN_NAMESPACE_END
