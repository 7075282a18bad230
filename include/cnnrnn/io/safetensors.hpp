#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/io/element_types.hpp"
#include "cnnrnn/io/file.hpp"
#include "cnnrnn/io/safetensors_header.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace io {

/// A tensor of one of the element types F64, F32, F16, BF16, I64 to I8, U64 to U8 and BOOL.
using AnyTensor = std::variant<Tensor<float>, Tensor<double>, Tensor<Float16>, Tensor<BFloat16>,
                               Tensor<std::int64_t>, Tensor<std::int32_t>, Tensor<std::int16_t>,
                               Tensor<std::int8_t>, Tensor<std::uint64_t>, Tensor<std::uint32_t>,
                               Tensor<std::uint16_t>, Tensor<std::uint8_t>, Tensor<TruthByte>>;

/// What a safetensors file holds: tensors by name, and texts by name.
struct SafetensorsFile {
  std::map<std::string, AnyTensor> tensors;     ///< by name
  std::map<std::string, std::string> metadata;  ///< what the file says beside its tensors
};

namespace detail {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

/// Reads the tensor that `entry` announces as F64, F32, ...: whichever of the types it is.
template <class... T>
AnyTensor read_tensor(InputFile& file, const TensorEntry& entry,
                      const std::variant<Tensor<T>...>* /*types*/) {
  AnyTensor result;
  const auto read_as = [&]<class U>(U* /*type*/) {
    if (entry.type != type_name<U>) {
      return false;
    }
    const std::uint64_t bytes = entry.end - entry.begin;
    const Shape shape = checked_shape(file.path(), entry, bytes / sizeof(U));
    require<FileError>(static_cast<std::uint64_t>(shape.size()) * sizeof(U) == bytes, file.path(),
                       ": tensor ", quoted(entry.name), ": expected ", shape, " ", entry.type,
                       ", got ", bytes, " bytes");
    Tensor<U> tensor(shape);
    file.read(std::as_writable_bytes(tensor.mutable_span()));
    result = tensor;
    return true;
  };
  require<FileError>(
      (read_as(static_cast<T*>(nullptr)) || ...), file.path(), ": tensor ", quoted(entry.name),
      ": expected type F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8 or BOOL, got ",
      quoted(entry.type));
  return result;
}

}  // namespace detail

/// Reads a safetensors file. Throws FileError for anything that the format does not allow, element
/// types other than AnyTensor's and more than six dimensions included. Never allocates more for
/// tensors than the file has bytes.
/// Source: https://github.com/huggingface/safetensors, "Format".
inline SafetensorsFile read_safetensors(const std::string& path) {
  InputFile file(path);
  auto header = detail::read_header(file);
  SafetensorsFile result;
  result.metadata = std::move(header.metadata);
  for (const auto& entry : header.entries) {
    result.tensors.emplace(
        entry.name, detail::read_tensor(file, entry, static_cast<const AnyTensor*>(nullptr)));
  }
  return result;
}

/// Writes a safetensors file, whole or not at all (see AtomicFile). Throws FileError when the disk
/// does not take it, ValueError for an undefined tensor, the name `__metadata__`, or text that is
/// not UTF-8. Equal contents give equal bytes.
inline void write_safetensors(const std::string& path, const SafetensorsFile& contents) {
  struct Entry {
    const std::string* name;
    const char* type;
    Shape shape;
    std::size_t element_size;
    std::span<const std::byte> bytes;
  };
  std::vector<Entry> entries;
  for (const auto& [name, any] : contents.tensors) {
    require<ValueError>(name != "__metadata__", path, ": expected a tensor's name, got ", name);
    std::visit(
        [&, &tensor_name = name]<class T>(const Tensor<T>& tensor) {
          require<ValueError>(tensor.defined(), path, ": expected a defined tensor ", tensor_name,
                              ", got an undefined one");
          entries.push_back({&tensor_name, detail::type_name<T>, tensor.shape(), sizeof(T),
                             bytes_of(tensor.span())});
        },
        any);
  }
  // Wide elements first: then every tensor is aligned for whoever maps the file.
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tie(b.element_size, *a.name) < std::tie(a.element_size, *b.name);
  });

  detail::HeaderText header;
  for (const auto& entry : entries) {
    header.add(*entry.name, entry.type, entry.shape, entry.bytes.size());
  }
  const std::string text = header.finish(path, contents.metadata);

  AtomicFile file(path);
  file.write(bytes_of(text));
  for (const auto& entry : entries) {
    file.write(entry.bytes);
  }
  file.commit();
}

}  // namespace io
CNNRNN_NAMESPACE_END
