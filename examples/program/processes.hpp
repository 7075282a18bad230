#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "cnnrnn/train/trainer.hpp"

namespace program {

/// How the processes of a run share its batches.
struct SharingOptions {
  cnnrnn::Index shards = 1;
  bool sync_batch_norm = false;
  bool bfloat16 = false;  ///< gradients travel rounded
};

/// The processes of a run: those that mpirun has started, or this one alone. What communicates must
/// be called by all. Compiled with MPI or without.
class Processes {
 public:
  using Difference =
      std::function<std::string(const std::string&, const std::string&, cnnrnn::Index)>;

  virtual ~Processes() = default;
  Processes() = default;
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  virtual cnnrnn::Index rank() const { return 0; }
  virtual cnnrnn::Index size() const { return 1; }
  bool leads() const { return rank() == 0; }

  /// Throws ValueError in all processes unless a text is the same in all; see
  /// distributed::require_same.
  virtual void require_same(const std::string& /*what*/, const std::string& /*text*/,
                            const Difference& /*difference*/) {}

  /// The text that the first process has.
  virtual std::string broadcast(const std::string& text) { return text; }

  /// Gives all processes what the first has.
  virtual void broadcast(cnnrnn::nn::Module<float>& /*model*/,
                         cnnrnn::optim::Optimizer<float>& /*optimizer*/,
                         cnnrnn::train::TrainingState& /*state*/) {}
  virtual void broadcast(cnnrnn::nn::Module<cnnrnn::bfloat16>& /*model*/,
                         cnnrnn::optim::Optimizer<cnnrnn::bfloat16>& /*optimizer*/,
                         cnnrnn::train::TrainingState& /*state*/) {}

  /// What a trainer needs to share batches; none if there is nothing to share. Throws ValueError
  /// when they cannot be shared so.
  virtual std::unique_ptr<cnnrnn::train::Processes<float>> share(cnnrnn::nn::Module<float>& model,
                                                                 const SharingOptions& options) = 0;
  virtual std::unique_ptr<cnnrnn::train::Processes<cnnrnn::bfloat16>> share(
      cnnrnn::nn::Module<cnnrnn::bfloat16>& model, const SharingOptions& options) = 0;

  /// Ends all processes, where one cannot go on.
  virtual void abort(int /*code*/) {}
};

/// How many processes an mpirun says that it has started, of whichever MPI it is.
inline int processes_started() {
  int started = 1;
  for (const char* const name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"}) {
    const char* const value = std::getenv(name);
    started = std::max(started, value == nullptr ? 1 : std::atoi(value));
  }
  return started;
}

/// Throws ValueError when an mpirun has started several processes, and this one knows of none but
/// itself: each would train the whole model, into one folder.
inline void require_known_launcher(const Processes& processes) {
  const int started = processes_started();
  cnnrnn::require<cnnrnn::ValueError>(
      started == 1 || processes.size() > 1,
      "mpirun: expected that of the MPI this program is built with, if any, got ", started,
      " processes that do not know each other");
}

/// The processes that this one belongs to. Without MPI it is alone.
std::unique_ptr<Processes> join_processes();

}  // namespace program
