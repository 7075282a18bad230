// What a program without MPI knows of other processes: there are none.
#include "program/processes.hpp"

namespace program {

namespace {

class Alone : public Processes {
 public:
  std::unique_ptr<cnnrnn::train::Processes<float>> share(cnnrnn::nn::Module<float>& /*model*/,
                                                         const SharingOptions& options) override {
    require_one_shard(options);
    return nullptr;
  }
  std::unique_ptr<cnnrnn::train::Processes<cnnrnn::bfloat16>> share(
      cnnrnn::nn::Module<cnnrnn::bfloat16>& /*model*/, const SharingOptions& options) override {
    require_one_shard(options);
    return nullptr;
  }

 private:
  static void require_one_shard(const SharingOptions& options) {
    cnnrnn::require<cnnrnn::ValueError>(
        options.shards == 1,
        "--shards: expected a program that is built with MPI (Debian: "
        "libopenmpi-dev) for more than 1, got ",
        options.shards);
  }
};

}  // namespace

std::unique_ptr<Processes> join_processes() { return std::make_unique<Alone>(); }

}  // namespace program
