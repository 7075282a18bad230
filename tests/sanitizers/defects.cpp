// One defect of each kind, chosen by name: what the sanitizer of a preset must notice.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "cnnrnn/core/parallel.hpp"

namespace {

using cnnrnn::Index;

/// Reads in the opposite order what other threads wrote in the loop before.
Index no_defect(Index count) {
  std::vector<Index> from(static_cast<std::size_t>(count), 1);
  std::vector<Index> to(from.size());
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  cnnrnn::parallel_for(count, 1, [&](Index i, Index) { from[at(i)] = i; });
  cnnrnn::parallel_for(count, 1, [&](Index i, Index) { to[at(i)] = from[at(count - 1 - i)]; });
  return to.front();
}

Index address(Index count) {
  const std::vector<Index> values(static_cast<std::size_t>(count), 1);
  return values.data()[count];
}

Index leak(Index count) {
  Index* volatile leaked = new Index(count);
  const Index value = *leaked;
  leaked = nullptr;
  return value;
}

Index signed_overflow(Index count) { return INT64_MAX - 999 + count; }

Index float_cast(Index count) { return static_cast<Index>(1e30 * static_cast<double>(count)); }

Index unsigned_overflow(Index count) {
  return static_cast<Index>(static_cast<std::uint64_t>(count) - 1001);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
Index lost_bits(Index count) {
  const std::int8_t bits = count;
  return bits;
}
#pragma GCC diagnostic pop

Index race(Index count) {
  Index sum = 0;
  cnnrnn::parallel_for(count, 1, [&](Index, Index) { ++sum; });
  return sum;
}

const std::map<std::string, Index (*)(Index)> defects{
    {"no_defect", no_defect},
    {"address", address},
    {"leak", leak},
    {"signed_overflow", signed_overflow},
    {"float_cast", float_cast},
    {"unsigned_overflow", unsigned_overflow},
    {"lost_bits", lost_bits},
    {"race", race},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !defects.contains(argv[1])) {
    std::cerr << "usage: defects NAME COUNT\n";
    return 2;
  }
  std::cout << defects.at(argv[1])(std::atoll(argv[2])) << '\n';
}
