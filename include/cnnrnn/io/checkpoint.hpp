#pragma once

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <variant>

#include "cnnrnn/io/model.hpp"
#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace io {

/// What a run needs beside its model and optimizer to go on: tensors (the position, sums) by name.
using RunState = std::map<std::string, AnyTensor>;

// The file: `model/NAME`, `random/NAME`, `optimizer/3.exp_avg`, `run/NAME`; `__metadata__` holds
// what kind of file it is and of which run.

namespace detail {

inline constexpr const char* checkpoint_format = "cnnrnn checkpoint 1";

/// The tensors whose names begin with `prefix`, without it.
inline RunState behind(const std::string& prefix, const RunState& tensors) {
  RunState found;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) {
      found.emplace(name.substr(prefix.size()), tensor);
    }
  }
  return found;
}

inline Tensor<Index> to_tensor(const Random::State& state) {
  Tensor<Index> words(Shape{std::ssize(state)});
  std::transform(state.begin(), state.end(), words.mutable_data(),
                 [](std::uint64_t word) { return std::bit_cast<Index>(word); });
  return words;
}

inline std::map<std::string, Random::State> take_random_states(const std::string& path,
                                                               const SafetensorsFile& file) {
  std::map<std::string, Random::State> states;
  for (const auto& [name, any] : behind("random/", file.tensors)) {
    const auto words = take_tensor<Index>(path, name, any);
    Random::State state{};
    require<FileError>(words.shape() == Shape{std::ssize(state)}, path, ": random state ",
                       quoted(name), ": expected ", state.size(), " words, got ", words.shape());
    std::transform(words.data(), words.data() + words.size(), state.begin(),
                   [](Index word) { return std::bit_cast<std::uint64_t>(word); });
    require<FileError>(state != Random::State{}, path, ": random state ", quoted(name),
                       ": expected words that are not all 0, got only 0");
    states.emplace(name, state);
  }
  return states;
}

template <class T>
optim::OptimizerState<T> take_optimizer_state(const std::string& path,
                                              const SafetensorsFile& file) {
  optim::OptimizerState<T> state;
  for (const auto& [name, any] : behind("optimizer/", file.tensors)) {
    if (name.ends_with(".step")) {
      const auto steps = take_counts(path, name, any);
      require<FileError>(steps.size() == 1, path, ": tensor ", quoted(name),
                         ": expected one number, got ", steps.shape());
      state.steps.emplace(name, steps.item());
    } else {
      state.tensors.emplace(name, take_tensor<Accumulator<T>>(path, name, any));
    }
  }
  return state;
}

/// A configuration if it is a JSON object, or null. What is nested too deep to print is left out.
inline Json parse_configuration(const std::string& text) {
  constexpr int deepest = 8;
  const auto keep = [](int depth, Json::parse_event_t, Json&) { return depth < deepest; };
  Json json = Json::parse(text, keep, false);
  return json.is_object() ? json : Json();
}

/// The entries in which two JSON objects differ: "epochs": 3 then, 5 now; "images": 80 then, 96
/// now.
inline std::string differing_entries(const Json& then, const Json& now) {
  Json names = then;
  names.update(now);
  const auto value = [](const Json& object, const std::string& name) {
    return object.contains(name) ? dumped(object.at(name)) : "none";
  };
  std::string text;
  for (const auto& [name, any] : names.items()) {
    if (!then.contains(name) || !now.contains(name) || then.at(name) != now.at(name)) {
      text += to_message(text.empty() ? "" : "; ", quoted(name), ": ", value(then, name), " then, ",
                         value(now, name), " now");
    }
  }
  return text;
}

inline void check_same(const std::string& path, const char* what, const std::string& expected,
                       const Metadata& metadata) {
  const auto entry = metadata.find(what);
  if (entry != metadata.end() && entry->second != expected) {
    const Json then = parse_configuration(entry->second);
    const Json now = parse_configuration(expected);
    if (then.is_object() && now.is_object()) {
      throw FileError(to_message(path, ": expected a checkpoint of the same ", what,
                                 ", got another: ", differing_entries(then, now)));
    }
  }
  require<FileError>(entry != metadata.end() && entry->second == expected, path,
                     ": expected a checkpoint of the ", what, ' ', expected, ", got ",
                     entry == metadata.end() ? "none" : quoted(entry->second, 1000));
}

}  // namespace detail

/// Puts a state into `run` under names that begin with `prefix`: that of an average of the weights.
template <class T>
void put_state(RunState& run, const std::string& prefix, const nn::StateDict<T>& state) {
  const auto put = [&](const auto& tensors) {
    for (const auto& [name, tensor] : tensors) {
      run.insert_or_assign(prefix + name, tensor);
    }
  };
  put(state.tensors);
  put(state.counters);
}

/// The state that put_state has put there. What is of another type is left out.
template <class T>
nn::StateDict<T> take_state(const RunState& run, const std::string& prefix) {
  nn::StateDict<T> state;
  for (const auto& [name, any] : detail::behind(prefix, run)) {
    if (const auto* tensor = std::get_if<Tensor<Accumulator<T>>>(&any)) {
      state.tensors.emplace(name, *tensor);
    } else if (const auto* counter = std::get_if<Tensor<Index>>(&any)) {
      state.counters.emplace(name, *counter);
    }
  }
  return state;
}

/// Writes all that a run needs to go on as if it had not stopped: the model with its random
/// generators, the optimizer, and `run`. `configuration` is a line that says which run it is; only
/// a run with the same line can go on from the file. Throws FileError; the old file then stays.
template <class T>
void save_checkpoint(const std::string& path, nn::Module<T>& model,
                     const optim::Optimizer<T>& optimizer, const std::string& configuration,
                     const RunState& run) {
  SafetensorsFile file;
  file.metadata = {{"format", detail::checkpoint_format},
                   {"model", model.describe()},
                   {"optimizer", optimizer.describe()},
                   {"configuration", configuration}};
  const auto state = nn::state_dict(model);
  detail::put_state(file, "model/", state);
  for (const auto& [name, random] : state.random_states) {
    file.tensors.emplace("random/" + name, detail::to_tensor(random));
  }
  const auto memory = optimizer.state();
  for (const auto& [name, tensor] : memory.tensors) {
    file.tensors.emplace("optimizer/" + name, tensor);
  }
  for (const auto& [name, steps] : memory.steps) {
    file.tensors.emplace("optimizer/" + name, Tensor<Index>::scalar(steps));
  }
  for (const auto& [name, tensor] : run) {
    file.tensors.emplace("run/" + name, tensor);
  }
  write_safetensors(path, file);
}

/// Puts model and optimizer into the state that save_checkpoint wrote, after accept(run) has seen
/// the `run` that stands beside it. Throws FileError when the file is not a checkpoint of this
/// model, optimizer and configuration, and what `accept` throws; nothing has changed then.
template <class T, class Accept>
void load_checkpoint(const std::string& path, nn::Module<T>& model, optim::Optimizer<T>& optimizer,
                     const std::string& configuration, const Accept& accept) {
  const SafetensorsFile file = read_safetensors(path);
  detail::check_same(path, "format", detail::checkpoint_format, file.metadata);
  detail::check_same(path, "model", model.describe(), file.metadata);
  detail::check_same(path, "optimizer", optimizer.describe(), file.metadata);
  detail::check_same(path, "configuration", configuration, file.metadata);
  auto state = detail::take_state(path, file, "model/", model);
  state.random_states = detail::take_random_states(path, file);
  require<FileError>(!state.random_states.empty() || nn::state_dict(model).random_states.empty(),
                     path, ": expected the states of the model's random generators, got none");
  detail::check_fits(path, model, state);
  accept(detail::behind("run/", file.tensors));
  try {
    optimizer.load_state(detail::take_optimizer_state<T>(path, file));
  } catch (const ValueError& error) {
    throw FileError(to_message(path, ": ", error.what()));
  }
  nn::load_state_dict(model, state);
}

}  // namespace io
CNNRNN_NAMESPACE_END
