// The processes that mpirun has started.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "cnnrnn/distributed/data_parallel.hpp"
#include "program/processes.hpp"

namespace program {

namespace {

/// Whether an mpirun or srun has started this process: then some variable tells its rank. A program
/// that was started by hand leaves MPI alone until it is needed.
bool is_launched() {
  constexpr std::array variables{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                 "MPI_LOCALRANKID"};
  return std::ranges::any_of(variables,
                             [](const char* name) { return std::getenv(name) != nullptr; });
}

class Launched : public Processes {
 public:
  Launched() {
    if (is_launched()) {
      world_.emplace();
    }
  }

  cnnrnn::Index rank() const override { return world_ ? world_->rank() : 0; }
  cnnrnn::Index size() const override { return world_ ? world_->size() : 1; }

  void require_same(const std::string& what, const std::string& text,
                    const Difference& difference) override {
    if (size() > 1) {
      cnnrnn::distributed::require_same(*world_, what, text, difference);
    }
  }
  std::string broadcast(const std::string& text) override {
    return size() > 1 ? world_->broadcast(text) : text;
  }
  void broadcast(cnnrnn::nn::Module<float>& model, cnnrnn::optim::Optimizer<float>& optimizer,
                 cnnrnn::train::TrainingState& state) override {
    broadcast_run(model, optimizer, state);
  }
  void broadcast(cnnrnn::nn::Module<cnnrnn::bfloat16>& model,
                 cnnrnn::optim::Optimizer<cnnrnn::bfloat16>& optimizer,
                 cnnrnn::train::TrainingState& state) override {
    broadcast_run(model, optimizer, state);
  }

  std::unique_ptr<cnnrnn::train::Processes<float>> share(cnnrnn::nn::Module<float>& model,
                                                         const SharingOptions& options) override {
    return share_model(model, options);
  }
  std::unique_ptr<cnnrnn::train::Processes<cnnrnn::bfloat16>> share(
      cnnrnn::nn::Module<cnnrnn::bfloat16>& model, const SharingOptions& options) override {
    return share_model(model, options);
  }

  void abort(int code) override {
    if (size() > 1) {
      cnnrnn::distributed::abort_all(code);
    }
  }

 private:
  template <class T>
  void broadcast_run(cnnrnn::nn::Module<T>& model, cnnrnn::optim::Optimizer<T>& optimizer,
                     cnnrnn::train::TrainingState& state) const {
    if (size() > 1) {
      cnnrnn::distributed::broadcast(*world_, model);
      cnnrnn::distributed::broadcast(*world_, optimizer);
      cnnrnn::distributed::broadcast(*world_, state);
    }
  }

  template <class T>
  std::unique_ptr<cnnrnn::train::Processes<T>> share_model(cnnrnn::nn::Module<T>& model,
                                                           const SharingOptions& options) {
    using namespace cnnrnn::distributed;
    if (options.shards == 1 && size() == 1) {
      return nullptr;
    }
    if (!world_) {
      world_.emplace();
    }
    return std::make_unique<DataParallel<T>>(
        *world_, model,
        DataParallelOptions{.shards = options.shards,
                            .wire = options.bfloat16 ? Wire::bfloat16 : Wire::exact,
                            .sync_batch_norm = options.sync_batch_norm});
  }

  std::optional<cnnrnn::distributed::Communicator> world_;
};

}  // namespace

std::unique_ptr<Processes> join_processes() { return std::make_unique<Launched>(); }

}  // namespace program
