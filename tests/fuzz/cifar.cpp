// A batch of CIFAR-10, the same for all six, or, behind a first byte of 1 or 2, one of CIFAR-100
// or the names of the classes.
#include "cnnrnn/data/cifar.hpp"

#include <algorithm>

#include "fuzz/linked_folder.hpp"
#include "fuzz/reader.hpp"

using namespace cnnrnn;

void read_stranger(std::span<const std::uint8_t> bytes) {
  static LinkedFolder cifar10{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                              "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
  static LinkedFolder cifar100{"train.bin", "test.bin"};
  static MemoryFile names;
  const int kind = bytes.empty() ? 0 : bytes.front();
  const auto rest = bytes.subspan(std::min<std::size_t>(1, bytes.size()));
  if (kind == 2) {
    names.fill(rest);
    data::detail::read_class_names(names.path(), data::cifar10_class_names());
    return;
  }
  constexpr Index pixels = 3072;
  const Index images = std::max<Index>(1, std::ssize(rest) / pixels);
  (kind == 1 ? cifar100 : cifar10).fill(rest);
  const data::Split split =
      kind == 1 ? data::read_cifar100(
                      cifar100.path(),
                      {.coarse = images % 2 == 0, .train_images = images, .test_images = images})
                : data::read_cifar10(cifar10.path(), {.images_per_file = images});
  data::check_dataset(split.train);
}
