#pragma once

// Not the C++ bindings, which MPI has given up.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/core/shape.hpp"

// Opt-in: not in cnnrnn.hpp, since it needs MPI.

CNNRNN_NAMESPACE_BEGIN
namespace distributed {

/// MPI could not do what it was asked for: its own message.
class CNNRNN_SHARED CommunicationError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// Throws CommunicationError unless a call of MPI went well.
inline void check_call(int code, const char* what) {
  if (code == MPI_SUCCESS) {
    return;
  }
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw CommunicationError(
      to_message("MPI: ", what, ": ", std::string(text.data(), static_cast<std::size_t>(length))));
}

inline bool is_initialized() {
  int yes = 0;
  MPI_Initialized(&yes);
  return yes != 0;
}

inline bool is_finalized() {
  int yes = 0;
  MPI_Finalized(&yes);
  return yes != 0;
}

}  // namespace detail

/// The processes that mpirun has started, each with a rank: MPI_COMM_WORLD, on a channel of its
/// own.
///
/// The first one initialises MPI unless the program has, and then ends it too. Where an exception
/// leaves its scope nothing is ended, since the others would wait for ever: the process must end
/// then, by abort() or by itself, and mpirun ends the others. Functions that communicate must be
/// called by all processes in the same order, on one thread at a time; they throw
/// CommunicationError.
class Communicator {
 public:
  /// Throws CommunicationError when MPI has ended, since it runs once in a process.
  Communicator() {
    require<CommunicationError>(
        !detail::is_finalized(),
        "MPI: expected a communicator before the first one ended, since MPI "
        "runs once in a process, got one more");
    if (!detail::is_initialized()) {
      int provided = 0;
      detail::check_call(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
                         "initialize");
      finalizes_ = true;
    }
    detail::check_call(MPI_Comm_dup(MPI_COMM_WORLD, &handle_), "duplicate a communicator");
    detail::check_call(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "set an error handler");
    detail::check_call(MPI_Comm_rank(handle_, &rank_), "find the rank");
    detail::check_call(MPI_Comm_size(handle_, &size_), "find the size");
  }

  ~Communicator() {
    if (detail::is_finalized() || std::uncaught_exceptions() > exceptions_) {
      return;
    }
    MPI_Comm_free(&handle_);
    if (finalizes_) {
      MPI_Finalize();
    }
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// The number of this process, from 0 on.
  Index rank() const { return rank_; }

  /// How many processes there are.
  Index size() const { return size_; }

  /// Whether this is the process that speaks and writes for all.
  bool leads() const { return rank_ == 0; }

  /// MPI's handle, for calls of your own.
  MPI_Comm handle() const { return handle_; }

  /// Throws CommunicationError unless MPI may be called on several threads, one at a time.
  void require_threads() const {
    int provided = 0;
    detail::check_call(MPI_Query_thread(&provided), "ask for threads");
    require<CommunicationError>(provided >= MPI_THREAD_SERIALIZED,
                                "MPI: expected threads to be supported, got a program that has "
                                "initialised it without (MPI_Init_thread, MPI_THREAD_SERIALIZED)");
  }

  /// Gives all processes the values of one. Of any size.
  template <class T>
  void broadcast(std::span<T> values, Index from = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto bytes = std::as_writable_bytes(values);
    constexpr std::size_t most = std::size_t{1} << 30;  // MPI counts with an int
    for (std::size_t at = 0; at < bytes.size(); at += most) {
      const auto part = bytes.subspan(at, std::min(most, bytes.size() - at));
      detail::check_call(MPI_Bcast(part.data(), static_cast<int>(part.size()), MPI_BYTE,
                                   static_cast<int>(from), handle_),
                         "broadcast");
    }
  }

  /// The text that the process of a rank has.
  std::string broadcast(const std::string& text, Index from = 0) const {
    std::string result = text;
    std::size_t length = result.size();
    broadcast(std::span<std::size_t>(&length, 1), from);
    result.resize(length);
    broadcast(std::span<char>(result), from);
    return result;
  }

  /// The values of all processes, of which each has as many, less than 2 GiB, in the order of their
  /// ranks.
  template <class T>
  std::vector<T> gather(std::span<const T> values) const {
    static_assert(std::is_trivially_copyable_v<T>);
    require<ValueError>(values.size_bytes() <= std::numeric_limits<int>::max(),
                        "MPI: expected less than 2 GiB to gather, got ", values.size_bytes(),
                        " bytes");
    const auto bytes = static_cast<int>(values.size_bytes());
    std::vector<T> all(values.size() * static_cast<std::size_t>(size_));
    detail::check_call(
        MPI_Allgather(values.data(), bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, handle_),
        "gather");
    return all;
  }

  /// Whether something holds in any process.
  bool any(bool here) const {
    const int value = here ? 1 : 0;
    int result = 0;
    detail::check_call(MPI_Allreduce(&value, &result, 1, MPI_INT, MPI_MAX, handle_), "ask all");
    return result != 0;
  }

 private:
  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  bool finalizes_ = false;
  int exceptions_ = std::uncaught_exceptions();
};

/// Ends the processes of all ranks with an exit code, if MPI runs: for a process that cannot go on
/// and has said why. It does not return then.
inline void abort_all(int code) {
  if (detail::is_initialized() && !detail::is_finalized()) {
    MPI_Abort(MPI_COMM_WORLD, code);
  }
}

}  // namespace distributed
CNNRNN_NAMESPACE_END
