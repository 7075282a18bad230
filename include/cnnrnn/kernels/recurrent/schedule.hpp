#pragma once

#include <algorithm>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/core/team.hpp"
#include "cnnrnn/kernels/recurrent/dims.hpp"
#include "cnnrnn/kernels/recurrent/step_matrix.hpp"

// How the sequences of a recurrent layer are shared among the threads. No result depends on it.

CNNRNN_KERNELS_BEGIN

/// The units that a thread computes of every step, and the threads that compute the others.
struct UnitShare {
  Index first;
  Index count;
  TeamMember member;
};

namespace detail {

/// Whether the weights are multiplied with so rarely that packing them would not pay.
inline bool multiplies_in_place(const RecurrentDims& d) { return d.t <= 2 || d.n * d.t <= 16; }

/// Blocks of sequences that a thread takes through all steps without waiting for others; or, where
/// the sequences are few, steps that all threads share by units.
class RecurrentSchedule {
 public:
  /// Of `count` sequences; `shareable`: the weights are packed so that threads can share units;
  /// `in_place`: they are not packed, and a product has threads of its own.
  template <class T>
  static RecurrentSchedule of(const RecurrentDims& d, Index gates, Index count, bool shareable,
                              bool in_place) {
    const Index threads = loop_threads();
    const bool few_weights = has_small_weights<T>(d, gates);
    const Index most = few_weights && count > 32 ? 24 : 48;
    const Index blocks = std::max<Index>(1, (count + most - 1) / most);
    const Index jobs = blocks * d.directions;
    constexpr Index least_work = 1 << 16;  // below it, waiting for each other costs more
    if (in_place || threads == 1 || (jobs >= threads && jobs % threads == 0)) {
      return {in_place ? count : part(count, blocks), false};
    }
    if (count < 24 * threads && d.directions < threads) {
      const bool enough = count >= 8 * threads;  // to fill a tile on each thread
      const bool team = shareable && team_threads() > 1 &&
                        count * gates * d.u * d.u >= least_work && !(enough && few_weights);
      return {team ? count : part(count, enough ? threads : 1), team};
    }
    // As many jobs as fill all threads.
    const Index whole = (jobs + threads - 1) / threads * threads;
    return {part(count, (whole + d.directions - 1) / d.directions), false};
  }

  /// Steps whose input is multiplied at once, so that W_ih is read less often than once a step.
  template <class T>
  Index input_steps(const RecurrentDims& d, Index gates) const {
    const Index rows = has_small_weights<T>(d, gates) ? 12 : 96;
    return std::clamp<Index>(rows / rows_, 1, d.t);
  }

  /// Every block has `rows` sequences, but for the last one.
  static RecurrentSchedule of_blocks(Index rows) { return {rows, false}; }

  Index rows() const { return rows_; }

  /// Calls body(direction, n0, count, share, room) for blocks of the sequences begin ... end - 1 of
  /// all directions, on all threads: `room` has room_size(members) elements, for all members. The
  /// directions of a block follow each other, so that the second finds x in the cache.
  template <class T, class RoomSize, class Body>
  void run(const RecurrentDims& d, Index begin, Index end, const RoomSize& room_size,
           const Body& body) const {
    const Index jobs = (end - begin + rows_ - 1) / rows_ * d.directions;
    const auto take = [&](Index job, const UnitShare& share, T* room) {
      const Index n0 = begin + job / d.directions * rows_;
      body(job % d.directions, n0, std::min(rows_, end - n0), share, room);
    };
    if (team_) {
      const int most = team_threads();
      const ThreadScratch<T> room(room_size(most));
      parallel_team(most, [&](const TeamMember& member) {
        const Index share =
            round_up((d.u + member.members - 1) / member.members, StepMatrix<T>::unit);
        const Index first = std::min(d.u, member.number * share);
        for (Index job = 0; job < jobs; ++job) {
          take(job, {first, std::min(share, d.u - first), member}, room.data());
          member.wait();
        }
      });
      return;
    }
    parallel_for(jobs, 1, [&](Index job, Index) {
      const ThreadScratch<T> room(room_size(1));
      take(job, {0, d.u, {0, 1, nullptr}}, room.data());
    });
  }

 private:
  RecurrentSchedule(Index rows, bool team) : rows_(std::max<Index>(1, rows)), team_(team) {}

  /// Whether the weights stay in the second cache. Else blocks are larger, which read them less
  /// often, although their gates do not stay in the first.
  template <class T>
  static bool has_small_weights(const RecurrentDims& d, Index gates) {
    constexpr Index cached = 1 << 19;
    return gates * d.u * (d.f + d.u) * static_cast<Index>(sizeof(T)) <= cached;
  }

  static Index part(Index count, Index blocks) {
    return blocks <= 1 ? count : round_up((count + blocks - 1) / blocks, 4);
  }

  Index rows_;
  bool team_;
};

}  // namespace detail

CNNRNN_KERNELS_END
