// An IDX file: images of a data set of MNIST's kind, or its labels.
#include "cnnrnn/data/idx.hpp"

#include "cnnrnn/data/open_dataset.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static MemoryFile file;
  file.fill(bytes);
  const auto values = data::read_idx(file.path());
  if (values.rank() == 1) {
    data::idx_dataset(Tensor<std::uint8_t>::zeros(Shape{values.dim(0), 1, 1}), values,
                      data::mnist_class_names(), "labels");
    return;
  }
  const auto labels = Tensor<std::uint8_t>::zeros(Shape{values.dim(0)});
  const auto images = data::idx_dataset(values, labels, data::mnist_class_names(), "images");
  data::check_dataset(data::detail::as_colour(images, "the corpus", {}));
}
