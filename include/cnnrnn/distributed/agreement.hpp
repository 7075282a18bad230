#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <string>

#include "cnnrnn/distributed/communicator.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// How what the first process has differs from what the one of a rank has.
using Difference =
    std::function<std::string(const std::string& first, const std::string& other, Index rank)>;

/// Throws ValueError in all processes unless a text is the same in all. `what` says of what it is;
/// without a function for the difference the message has both.
inline void require_same(const Communicator& processes, const std::string& what,
                         const std::string& text, const Difference& difference = {}) {
  const std::string first = processes.broadcast(text);
  const int here = text == first ? 1 : 0;
  const auto same = processes.gather(std::span<const int>(&here, 1));
  const Index rank = std::find(same.begin(), same.end(), 0) - same.begin();
  if (rank == processes.size()) {
    return;
  }
  const std::string other = processes.broadcast(text, rank);
  throw ValueError(to_message("distributed: expected the same ", what, " on all ranks, got ",
                              difference
                                  ? difference(first, other, rank)
                                  : to_message(first, " on rank 0, ", other, " on rank ", rank)));
}

}  // namespace distributed
CNNRNN_NAMESPACE_END
