#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "cnnrnn/core/bfloat16.hpp"
#include "cnnrnn/distributed/communicator.hpp"
#include "cnnrnn/distributed/tree.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// The sum of vectors over all processes, a power of two of them, in the tree of their ranks:
/// begun, then driven by progress() while other work goes on.
///
/// First each process halves the part of the vector that it adds up, with a partner at the distance
/// of 1, 2, 4, ... ranks; then the sums go back the same way. Each sends 2 (R - 1) / R of the
/// vector in 2 log2 R steps: the volume of a ring, in fewer steps. Source: Rabenseifner (2004),
/// with the distances in the order of the tree.
template <class T>
class TreeSum {
 public:
  /// How many values there are when the processes divide them.
  static Index padded(Index size, Index processes) {
    return (size + processes - 1) / processes * processes;
  }

  /// Begins with values of a padded size, the same in all processes. They are the sum at the end,
  /// times `factor`. The communicator and they must outlive it. Sums that are under way at once
  /// have tags of their own, below 1024. Throws ValueError for 4 GiB and more: MPI counts with an
  /// int.
  TreeSum(const Communicator& processes, std::span<T> values, int tag, Wire wire, T factor)
      : processes_(processes), values_(values), tag_(tag), wire_(wire), factor_(factor) {
    part_ = {0, std::ssize(values)};
    const Index half = std::ssize(values) / 2;
    require<ValueError>(
        half * static_cast<Index>(sizeof(T)) <= std::numeric_limits<int>::max(),
        "distributed: expected gradients of less than 4 GiB in a parameter or bucket, got ",
        values.size_bytes(), " bytes");
    incoming_ = Tensor<T>({half});
    if (wire == Wire::bfloat16) {
      outgoing_halves_ = Tensor<bfloat16>({half});
      incoming_halves_ = Tensor<bfloat16>({half});
    }
    begin_step();
  }
  ~TreeSum() = default;
  TreeSum(const TreeSum&) = delete;
  TreeSum& operator=(const TreeSum&) = delete;

  /// Goes as far as it can without waiting; true when the sum is there.
  bool progress() {
    while (!done_) {
      int arrived = 0;
      detail::check_call(MPI_Testall(2, requests_.data(), &arrived, MPI_STATUSES_IGNORE),
                         "send gradients");
      if (arrived == 0) {
        return false;
      }
      end_step();
    }
    return true;
  }

  /// Waits for the step under way; true when the sum is there.
  bool wait_for_step() {
    if (!done_) {
      detail::check_call(MPI_Waitall(2, requests_.data(), MPI_STATUSES_IGNORE), "send gradients");
      end_step();
    }
    return done_;
  }

  /// What this process has sent.
  Index bytes_sent() const { return bytes_sent_; }

 private:
  struct Part {
    Index begin, end;

    Index size() const { return end - begin; }
    Part lower() const { return {begin, begin + size() / 2}; }
    Part upper() const { return {begin + size() / 2, end}; }
  };

  bool is_lower() const { return (processes_.rank() & distance_) == 0; }
  T* at(const Part& part) const { return values_.data() + part.begin; }

  void begin_step() {
    const Index size = processes_.size();
    if (!returning_ && distance_ == size) {
      detail::finish(wire_, at(part_), part_.size(), factor_);
      returning_ = true;
      distance_ /= 2;
    }
    if (returning_ && distance_ == 0) {
      done_ = true;
      return;
    }
    if (returning_) {
      const Index before = part_.size();
      theirs_ = is_lower() ? Part{part_.end, part_.end + before}
                           : Part{part_.begin - before, part_.begin};
      exchange(part_, theirs_);
    } else {
      own_ = is_lower() ? part_.lower() : part_.upper();
      theirs_ = is_lower() ? part_.upper() : part_.lower();
      exchange(theirs_, own_);
    }
  }

  void end_step() {
    if (returning_) {
      take(at(theirs_), theirs_.size());
      part_ = {std::min(part_.begin, theirs_.begin), std::max(part_.end, theirs_.end)};
      distance_ /= 2;
    } else {
      take(incoming_.mutable_data(), own_.size());
      const T* const lower = is_lower() ? at(own_) : incoming_.data();
      const T* const upper = is_lower() ? incoming_.data() : at(own_);
      detail::add(wire_, lower, upper, at(own_), own_.size());
      part_ = own_;
      distance_ *= 2;
    }
    begin_step();
  }

  /// Sends a part of the values, and receives what will stand at, or be added to, another.
  void exchange(const Part& send, const Part& receive) {
    T* const to = returning_ ? at(receive) : incoming_.mutable_data();
    if (wire_ == Wire::exact) {
      start(at(send), send.size(), to, receive.size());
      return;
    }
    const T scale = returning_ ? 1 / factor_ : T(1);  // a power of two: exact
    bfloat16* const halves = outgoing_halves_.mutable_data();
    std::transform(at(send), at(send) + send.size(), halves,
                   [=](T value) { return bfloat16::nearest(static_cast<float>(value * scale)); });
    start(halves, send.size(), incoming_halves_.mutable_data(), receive.size());
  }

  /// What has arrived, as numbers.
  void take(T* to, Index size) const {
    if (wire_ == Wire::bfloat16) {
      const T scale = returning_ ? factor_ : T(1);
      const bfloat16* const halves = incoming_halves_.data();
      std::transform(halves, halves + size, to,
                     [=](bfloat16 value) { return static_cast<T>(value) * scale; });
    }
  }

  template <class U>
  void start(const U* send, Index count, U* receive, Index received) {
    const auto partner = static_cast<int>(processes_.rank() ^ distance_);
    constexpr int steps = 32;
    const int tag = tag_ * steps + step_++ % steps;
    const auto bytes = [](Index size) {
      return static_cast<int>(size * static_cast<Index>(sizeof(U)));
    };
    detail::check_call(MPI_Irecv(receive, bytes(received), MPI_BYTE, partner, tag,
                                 processes_.handle(), &requests_[0]),
                       "receive gradients");
    detail::check_call(
        MPI_Isend(send, bytes(count), MPI_BYTE, partner, tag, processes_.handle(), &requests_[1]),
        "send gradients");
    bytes_sent_ += bytes(count);
  }

  const Communicator& processes_;
  std::span<T> values_;
  int tag_;
  Wire wire_;
  T factor_;
  Index distance_ = 1;      ///< to the partner of the step
  bool returning_ = false;  ///< the sums are there, in parts
  bool done_ = false;
  Part part_{}, own_{}, theirs_{};
  Tensor<bfloat16> outgoing_halves_, incoming_halves_;
  Tensor<T> incoming_;
  std::array<MPI_Request, 2> requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  int step_ = 0;
  Index bytes_sent_ = 0;
};

}  // namespace distributed
CNNRNN_NAMESPACE_END
