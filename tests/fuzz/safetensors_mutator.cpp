// Changes the header or the data of a safetensors file and keeps the length in front of the header
// right most of the time: else nearly every change would end at that.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned int seed) {
  constexpr std::size_t prefix = sizeof(std::uint64_t);
  std::uint64_t length = 0;
  if (size >= prefix) {
    std::memcpy(&length, data, prefix);
  }
  if (size <= prefix || length > size - prefix || seed % 16 == 0) {
    return LLVMFuzzerMutate(data, size, most);
  }
  const auto end = data + prefix + length;
  std::vector<std::uint8_t> header(data + prefix, end);
  std::vector<std::uint8_t> rest(end, data + size);
  auto& part = seed % 4 == 0 ? rest : header;
  const std::size_t room = most - (size - part.size());
  const std::size_t before = part.size();
  part.resize(std::max<std::size_t>(room, 1));
  part.resize(LLVMFuzzerMutate(part.data(), std::min(before, room), room));
  length = header.size();
  std::memcpy(data, &length, prefix);
  std::copy(rest.begin(), rest.end(), std::copy(header.begin(), header.end(), data + prefix));
  return prefix + header.size() + rest.size();
}
