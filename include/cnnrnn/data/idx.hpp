#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/binary_file.hpp"
#include "cnnrnn/data/dataset.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// The largest IDX file that is read, unpacked; the largest of MNIST has 47 MB.
inline constexpr Index idx_most_bytes = Index{1} << 30;

namespace detail {

struct IdxHeader {
  Shape shape;
  Index bytes;  ///< of the header itself

  /// Throws FileError unless `rest` bytes behind the header are the values.
  void expect_values(Index rest, const std::string& name) const {
    require<FileError>(rest == shape.size(), name, ": expected ", shape.size(),
                       " bytes after the header, for values ", shape, ", got ", rest);
  }
};

/// The header that a file begins with; `bytes` are its first ones, 20 if there are as many.
inline IdxHeader parse_idx_header(std::span<const std::uint8_t> bytes, const std::string& name) {
  require<FileError>(bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0, name,
                     ": expected an IDX file, which begins with two zero bytes, got others");
  require<FileError>(bytes[2] == 0x08, name, ": expected unsigned bytes (IDX type 8), got type ",
                     int{bytes[2]});
  const std::size_t rank = bytes[3];
  std::array<Index, 4> dims{};
  require<FileError>(rank >= 1 && rank <= dims.size(), name, ": expected 1 to 4 dimensions, got ",
                     rank);
  const std::size_t header = 4 + 4 * rank;
  require<FileError>(bytes.size() >= header, name, ": expected a header of ", header,
                     " bytes, got a file of ", bytes.size());
  Index values = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    for (const std::uint8_t byte : bytes.subspan(4 + 4 * axis, 4)) {
      dims[axis] = dims[axis] * 256 + byte;
    }
    require<FileError>(dims[axis] > 0 && values <= idx_most_bytes / dims[axis], name,
                       ": expected 1 to ", idx_most_bytes, " values, got ", values, " times ",
                       dims[axis]);
    values *= dims[axis];
  }
  return {.shape = Shape(std::span<const Index>(dims.data(), rank)),
          .bytes = static_cast<Index>(header)};
}

}  // namespace detail

/// The values of an IDX file (LeCun's format for MNIST: big endian, unsigned bytes) that was read
/// into memory. `name` is for messages. Throws FileError when the header is not one, or does not
/// fit the number of bytes.
inline Tensor<std::uint8_t> parse_idx(std::span<const std::uint8_t> bytes,
                                      const std::string& name) {
  const detail::IdxHeader header = detail::parse_idx_header(bytes, name);
  const auto values = bytes.subspan(static_cast<std::size_t>(header.bytes));
  header.expect_values(std::ssize(values), name);
  return Tensor<std::uint8_t>(header.shape, values);
}

/// The values of an IDX file. Throws FileError.
inline Tensor<std::uint8_t> read_idx(const std::string& path) {
  BinaryFile file(path);
  std::array<std::uint8_t, 4 + 4 * 4> start{};
  const auto known =
      std::span(start).first(static_cast<std::size_t>(std::min(file.size(), std::ssize(start))));
  file.read(known);
  const detail::IdxHeader header = detail::parse_idx_header(known, path);
  const Index rest = file.size() - header.bytes;
  header.expect_values(rest, path);
  Tensor<std::uint8_t> values(header.shape);
  const auto already = known.subspan(static_cast<std::size_t>(header.bytes));
  const auto to = values.mutable_span();
  const auto first = std::min(already.size(), to.size());
  std::copy_n(already.begin(), first, to.begin());
  file.read(to.subspan(first));
  return values;
}

/// A data set of MNIST's kind: images (N, H, W) or (N, H, W, C) and labels (N,), as IDX files hold
/// them. Throws FileError when they do not fit each other, or a label has no class name.
inline ImageDataset idx_dataset(const Tensor<std::uint8_t>& images,
                                const Tensor<std::uint8_t>& labels,
                                std::vector<std::string> class_names, const std::string& name) {
  require<FileError>(images.rank() == 3 || images.rank() == 4, name,
                     ": expected images (N, H, W) or (N, H, W, C), got ", images.shape());
  require<FileError>(labels.shape() == Shape{images.dim(0)}, name, ": expected labels (",
                     images.dim(0), ",), got ", labels.shape());
  const std::span<const std::uint8_t> values = labels.span();
  const Index highest = *std::max_element(values.begin(), values.end());
  require<FileError>(highest < std::ssize(class_names), name, ": expected labels below ",
                     class_names.size(), ", got ", highest);
  return {.images = images.rank() == 4
                        ? images
                        : images.reshape({images.dim(0), images.dim(1), images.dim(2), 1}),
          .labels = labels.to<Index>(),
          .class_names = std::move(class_names),
          .name = name};
}

/// The data set with every image in the middle of a black one of the given size. Throws ValueError
/// when the images are larger than that.
inline ImageDataset pad_to(const ImageDataset& dataset, Index height, Index width) {
  require<ValueError>(dataset.height() <= height && dataset.width() <= width, "pad_to: expected ",
                      dataset.name, " to be at most ", height, 'x', width, ", got ",
                      dataset.height(), 'x', dataset.width());
  const Index channels = dataset.channels();
  const Index row = dataset.width() * channels;
  const Index top = (height - dataset.height()) / 2;
  const Index left = (width - dataset.width()) / 2;
  ImageDataset result = dataset;
  result.images = Tensor<std::uint8_t>::zeros(Shape{dataset.size(), height, width, channels});
  const std::uint8_t* from = dataset.images.data();
  std::uint8_t* images = result.images.mutable_data();
  for (Index n = 0; n < dataset.size(); ++n) {
    for (Index y = 0; y < dataset.height(); ++y, from += row) {
      std::copy_n(from, row, images + (((n * height) + top + y) * width + left) * channels);
    }
  }
  return result;
}

/// The data set with its one channel repeated. Throws ValueError when there is more than one.
inline ImageDataset repeat_channels(const ImageDataset& dataset, Index channels) {
  require<ValueError>(dataset.channels() == 1, "repeat_channels: expected one channel in ",
                      dataset.name, ", got ", dataset.channels());
  ImageDataset result = dataset;
  result.images = Tensor<std::uint8_t>(dataset.images.shape().with(-1, channels));
  std::uint8_t* to = result.images.mutable_data();
  for (const std::uint8_t value : dataset.images.span()) {
    to = std::fill_n(to, channels, value);
  }
  return result;
}

}  // namespace data
CNNRNN_NAMESPACE_END
