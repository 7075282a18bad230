#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>

#include "cnnrnn/io/safetensors.hpp"
#include "cnnrnn/nn/state_dict.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace io {

using Metadata = std::map<std::string, std::string>;

struct LoadOptions {
  bool convert = false;  ///< turn F32 into F64 or F64 into F32 where the model
                         ///< has the other
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

/// Takes a tensor of the file as one of T.
template <class T>
Tensor<T> take_tensor(const std::string& path, const std::string& name, const AnyTensor& any,
                      const LoadOptions& options = {}) {
  return std::visit(
      [&]<class U>(const Tensor<U>& tensor) -> Tensor<T> {
        if constexpr (std::is_same_v<T, U>) {
          return tensor;
        } else {
          constexpr bool possible = std::is_floating_point_v<T> && std::is_floating_point_v<U>;
          require<FileError>(possible && options.convert, path, ": tensor ", quoted(name),
                             ": expected type ", type_name<T>(), ", got ", type_name<U>(),
                             possible ? " (ask for it with {.convert = true})" : "");
          return tensor.template to<T>();
        }
      },
      any);
}

/// Takes counts: numbers that counting can reach and go on from.
inline Tensor<Index> take_counts(const std::string& path, const std::string& name,
                                 const AnyTensor& any) {
  constexpr Index most = Index{1} << 62;
  auto counts = take_tensor<Index>(path, name, any);
  for (const Index count : counts.span()) {
    require<FileError>(count >= 0 && count < most, path, ": tensor ", quoted(name),
                       ": expected a count of 0 or more and below 2^62, got ", count);
  }
  return counts;
}

/// Takes the state of `module` out of the tensors whose names begin with `prefix`, with names that
/// the module does not have, if there are any: check_fits then lists them.
template <class T>
nn::StateDict<T> take_state(const std::string& path, const SafetensorsFile& file,
                            const std::string& prefix, nn::Module<T>& module,
                            const LoadOptions& options = {}) {
  const auto own = nn::state_dict(module);
  nn::StateDict<T> state;
  for (const auto& [full_name, any] : file.tensors) {
    if (!full_name.starts_with(prefix)) {
      continue;
    }
    const std::string name = full_name.substr(prefix.size());
    if (own.counters.contains(name)) {
      state.counters.emplace(name, take_counts(path, full_name, any));
    } else if (own.tensors.contains(name)) {
      state.tensors.emplace(name, take_tensor<T>(path, full_name, any, options));
    } else {
      state.tensors.emplace(name, Tensor<T>());
    }
  }
  return state;
}

/// Throws FileError when a state read from `path` does not fit the module.
template <class T>
void check_fits(const std::string& path, nn::Module<T>& module, const nn::StateDict<T>& state) {
  const std::string differences = nn::state_differences(module, state);
  require<FileError>(differences.empty(), path, ": expected the tensors of ", module.describe(),
                     ", got ", differences);
}

}  // namespace detail

/// Writes the parameters and buffers of `module`, whole or not at all: a plain
/// safetensors file that the same network in PyTorch takes with
/// load_state_dict(strict=True). Throws FileError.
template <class T>
void save(const std::string& path, nn::Module<T>& module, const Metadata& metadata = {}) {
  SafetensorsFile file;
  detail::put_state(file, "", nn::state_dict(module));
  file.metadata = metadata;
  write_safetensors(path, file);
}

/// Reads what save wrote, or a PyTorch state_dict in safetensors form, into
/// `module`, and returns the file's metadata. Names, shapes and types must be
/// the module's, unless options.convert allows the other floating-point type;
/// else it throws FileError and leaves the module as it was.
template <class T>
Metadata load(const std::string& path, nn::Module<T>& module, const LoadOptions& options = {}) {
  SafetensorsFile file = read_safetensors(path);
  const auto state = detail::take_state(path, file, "", module, options);
  detail::check_fits(path, module, state);
  nn::load_state_dict(module, state);
  return std::move(file.metadata);
}

}  // namespace io
CNNRNN_NAMESPACE_END
