// What a program without MPI knows of other processes: there are none.
#include "program/processes.hpp"

namespace program {

namespace {

class Alone : public Processes {
 public:
  std::unique_ptr<cnnrnn::train::Processes<float>> share(cnnrnn::nn::Module<float>& /*model*/,
                                                         const SharingOptions& options) override {
    cnnrnn::require<cnnrnn::ValueError>(
        options.shards == 1,
        "--shards: expected a program that is built with MPI (Debian: "
        "libopenmpi-dev) for more than 1, got ",
        options.shards);
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Processes> join_processes() { return std::make_unique<Alone>(); }

}  // namespace program
