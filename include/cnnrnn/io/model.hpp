#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cnnrnn/io/safetensors.hpp"
#include "cnnrnn/nn/state_dict.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace io {

/// What a file says beside its tensors, by name.
using Metadata = std::map<std::string, std::string>;

/// Options of load.
struct LoadOptions {
  bool convert = false;     ///< turn F32 into F64 or F64 into F32 where the model has the other
  bool strict = true;       ///< else what fits is loaded, and the rest stays as it was
  std::string prefix = {};  ///< taken off names that begin with it: `module.`, `_orig_mod.`
};

/// What a file left, by PyTorch's names, and what it says beside its tensors.
struct LoadResult : nn::IncompatibleKeys {
  Metadata metadata;  ///< what the file says beside its tensors
};

namespace detail {

/// Puts the tensors of a module's state into a file, their names behind `prefix`: what the module
/// shares once, under its first name.
template <class T>
void put_state(SafetensorsFile& file, const std::string& prefix, const nn::StateDict<T>& state) {
  const auto put = [&](const auto& tensors) {
    for (const auto& [name, tensor] : tensors) {
      if (!state.shared.contains(name)) {
        file.tensors.emplace(prefix + name, tensor);
      }
    }
  };
  put(state.tensors);
  put(state.counters);
}

/// Rounds the tensors of T to BF16.
template <class T>
void round_to_bfloat16(SafetensorsFile& file) {
  for (auto& [name, tensor] : file.tensors) {
    if (const auto* whole = std::get_if<Tensor<T>>(&tensor)) {
      tensor = whole->template to<bfloat16>();
    }
  }
}

/// Takes a tensor of the file as one of T. Half precision becomes what the model has.
template <class T>
Tensor<T> take_tensor(const std::string& path, const std::string& name, const AnyTensor& any,
                      const LoadOptions& options = {}) {
  return std::visit(
      [&]<class U>(const Tensor<U>& tensor) -> Tensor<T> {
        constexpr bool half = std::is_same_v<U, Float16> || std::is_same_v<U, BFloat16>;
        constexpr bool other = std::is_floating_point_v<T> && std::is_floating_point_v<U>;
        if constexpr (std::is_same_v<T, U>) {
          return tensor;
        } else if constexpr (std::is_floating_point_v<T> && (half || other)) {
          require<FileError>(half || options.convert, path, ": tensor ", quoted(name),
                             ": expected type ", type_name<T>, ", got ", type_name<U>,
                             " (ask for it with {.convert = true})");
          return tensor.template to<T>();
        } else {
          throw FileError(to_message(path, ": tensor ", quoted(name), ": expected type ",
                                     type_name<T>, ", got ", type_name<U>));
        }
      },
      any);
}

/// A count as whatever type of number holds it: one that counting can reach and go on from.
template <class U>
Index take_count(const std::string& path, const std::string& name, U value) {
  constexpr Index most = Index{1} << 62;
  const auto number = [&] {
    if constexpr (std::is_integral_v<U>) {
      return value;
    } else {
      return static_cast<double>(value);
    }
  }();
  bool counts = false;
  if constexpr (std::is_integral_v<U>) {
    counts = std::cmp_greater_equal(number, 0) && std::cmp_less(number, most);
  } else {
    counts = number >= 0 && number < static_cast<double>(most) && std::floor(number) == number;
  }
  require<FileError>(counts, path, ": tensor ", quoted(name),
                     ": expected a count of 0 or more and below 2^62, got ", +number);
  return static_cast<Index>(number);
}

/// Takes counts, of any type but BOOL.
inline Tensor<Index> take_counts(const std::string& path, const std::string& name,
                                 const AnyTensor& any) {
  return std::visit(
      [&]<class U>(const Tensor<U>& tensor) {
        Tensor<Index> counts(tensor.shape());
        if constexpr (std::is_same_v<U, TruthByte>) {
          throw FileError(
              to_message(path, ": tensor ", quoted(name), ": expected type I64, got BOOL"));
        } else {
          std::transform(tensor.data(), tensor.data() + tensor.size(), counts.mutable_data(),
                         [&](U value) { return take_count(path, name, value); });
        }
        return counts;
      },
      any);
}

/// A scalar that a file has as one element, as old files of PyTorch do.
template <class T>
Tensor<T> as_scalar(const Tensor<T>& tensor, const Shape& expected) {
  return expected == Shape{} && tensor.shape() == Shape{1} ? tensor.reshape(Shape{}) : tensor;
}

/// Whether a tensor of the file has a part's shape, and a type that can become T.
template <class T>
bool can_take(const AnyTensor& any, const Shape& shape) {
  return std::visit(
      [&]<class U>(const Tensor<U>& tensor) {
        constexpr bool half = std::is_same_v<U, Float16> || std::is_same_v<U, BFloat16>;
        constexpr bool converts = std::is_floating_point_v<T> ? half || std::is_floating_point_v<U>
                                                              : !std::is_same_v<U, TruthByte>;
        return converts && as_scalar(tensor, shape).shape() == shape;
      },
      any);
}

/// Stands for a tensor that cannot be a part of that shape: of another shape, and empty.
template <class T>
Tensor<T> misfit(const Shape& shape) {
  return Tensor<T>(shape == Shape{0} ? Shape{0, 0} : Shape{0});
}

/// Takes the state of `module` out of the tensors whose names begin with `folder`, with names that
/// the module does not have, if there are any: check_fits then lists them. Unless options.strict,
/// what cannot be taken is a misfit.
template <class T>
nn::StateDict<T> take_state(const std::string& path, const SafetensorsFile& file,
                            const std::string& folder, nn::Module<T>& module,
                            const LoadOptions& options = {}) {
  using A = Accumulator<T>;
  const auto own = nn::state_dict(module);
  nn::StateDict<T> state;
  std::set<std::string> names;
  for (const auto& [full_name, any] : file.tensors) {
    if (!full_name.starts_with(folder)) {
      continue;
    }
    std::string name = full_name.substr(folder.size());
    if (name.starts_with(options.prefix)) {
      name.erase(0, options.prefix.size());
    }
    require<FileError>(names.insert(name).second, path, ": expected every name once without ",
                       quoted(options.prefix), ", got ", quoted(name), " twice");
    if (const auto counter = own.counters.find(name); counter != own.counters.end()) {
      const Shape& shape = counter->second.shape();
      state.counters.emplace(name, options.strict || can_take<Index>(any, shape)
                                       ? as_scalar(take_counts(path, full_name, any), shape)
                                       : misfit<Index>(shape));
    } else if (const auto tensor = own.tensors.find(name); tensor != own.tensors.end()) {
      const Shape& shape = tensor->second.shape();
      state.tensors.emplace(name,
                            options.strict || can_take<A>(any, shape)
                                ? as_scalar(take_tensor<A>(path, full_name, any, options), shape)
                                : misfit<A>(shape));
    } else {
      state.tensors.emplace(name, Tensor<A>());
    }
  }
  return state;
}

/// Takes what has a twin behind the prefix out of the file, and returns the names.
inline std::vector<std::string> remove_twins(SafetensorsFile& file, const std::string& prefix) {
  std::vector<std::string> names;
  std::erase_if(file.tensors, [&](const auto& entry) {
    const std::string& name = entry.first;
    const bool is_twin = !name.starts_with(prefix) && file.tensors.contains(prefix + name);
    if (is_twin) {
      names.push_back(name);
    }
    return is_twin;
  });
  return names;
}

/// Batch norms of PyTorch before 0.4.1 did not count batches: as PyTorch does, goes on from the
/// module's own counts where a state has none.
template <class T>
void complete_batch_counts(const nn::StateDict<T>& own, nn::StateDict<T>& state) {
  nn::detail::spread_shared(own.shared, state.counters);
  for (const auto& [name, counter] : own.counters) {
    if (("." + name).ends_with(".num_batches_tracked")) {
      state.counters.emplace(name, counter);
    }
  }
}

/// Advice on the prefix that stands in front of the module's names in a file; nothing if there is
/// no such prefix.
template <class T>
std::string advice_on_prefix(const SafetensorsFile& file, const nn::StateDict<T>& own,
                             const nn::StateDict<T>& state) {
  if (own.tensors.empty() || state.tensors.contains(own.tensors.begin()->first)) {
    return "";
  }
  const std::string wanted = "." + own.tensors.begin()->first;
  const auto found = std::ranges::find_if(
      file.tensors, [&](const auto& entry) { return entry.first.ends_with(wanted); });
  if (found == file.tensors.end()) {
    return "";
  }
  const std::string& name = found->first;
  const std::string prefix = quoted(name.substr(0, name.size() - wanted.size() + 1));
  return to_message(" (take ", prefix, " off the names with {.prefix = ", prefix, "})");
}

/// Whether a state has any tensor that the module can take.
template <class T>
bool any_fits(const nn::StateDict<T>& own, const nn::StateDict<T>& state) {
  return std::ranges::any_of(own.tensors, [&](const auto& entry) {
    const auto found = state.tensors.find(entry.first);
    return found != state.tensors.end() && found->second.shape() == entry.second.shape();
  });
}

/// Throws FileError when a state read from `path` does not fit the module.
template <class T>
void check_fits(const std::string& path, nn::Module<T>& module, const nn::StateDict<T>& state,
                const std::string& advice = "") {
  const std::string differences = nn::state_differences(module, state);
  require<FileError>(differences.empty(), path, ": expected the tensors of ", module.describe(),
                     ", got ", differences, advice);
}

}  // namespace detail

/// Options of save.
struct SaveOptions {
  /// Rounds all that is not a whole number to BF16, which has 8 bits of precision: half the size.
  /// Without it a model of bfloat16 saves its masters, in F32, from which training goes on.
  bool bfloat16 = false;
};

/// Writes the parameters and buffers of `module`, whole or not at all: a plain safetensors file
/// that the same network in PyTorch takes with load_state_dict(strict=True). Throws FileError.
template <class T>
void save(const std::string& path, nn::Module<T>& module, const Metadata& metadata = {},
          const SaveOptions& options = {}) {
  SafetensorsFile file;
  detail::put_state(file, "", nn::state_dict(module));
  if (options.bfloat16) {
    detail::round_to_bfloat16<Accumulator<T>>(file);
  }
  file.metadata = metadata;
  write_safetensors(path, file);
}

/// Reads what save wrote, or a PyTorch state_dict in safetensors form, into `module`. Names, shapes
/// and types must be the module's, or else it throws FileError and leaves the module as it was. As
/// in PyTorch, counts of batches may be missing or of another type of number, and a scalar may be
/// one element (1,). F16 and BF16 become the module's type; F32 and F64 become the other only if
/// options.convert allows it.
///
/// With {.strict = false} it loads what has the name, the shape and a type of a part of the module,
/// and returns the names that this leaves. Of a tensor with and one without options.prefix, the one
/// with it counts. It throws FileError when that is nothing at all, and as above for what fits but
/// for options.convert.
template <class T>
LoadResult load(const std::string& path, nn::Module<T>& module, const LoadOptions& options = {}) {
  SafetensorsFile file = read_safetensors(path);
  std::vector<std::string> twins;
  if (!options.strict) {
    twins = detail::remove_twins(file, options.prefix);
  }
  auto state = detail::take_state(path, file, "", module, options);
  const auto own = nn::state_dict(module);
  detail::complete_batch_counts(own, state);
  const std::string advice = detail::advice_on_prefix(file, own, state);
  if (options.strict) {
    detail::check_fits(path, module, state, advice);
  } else {
    require<FileError>(own.tensors.empty() || detail::any_fits(own, state), path,
                       ": expected some tensors of ", module.describe(), ", got none", advice);
  }
  try {
    auto keys = nn::load_state_dict(module, state, {.strict = options.strict});
    keys.unexpected_keys.insert(keys.unexpected_keys.end(), twins.begin(), twins.end());
    return {std::move(keys), std::move(file.metadata)};
  } catch (const ValueError& error) {
    throw FileError(to_message(path, ": ", error.what()));
  }
}

}  // namespace io
CNNRNN_NAMESPACE_END
