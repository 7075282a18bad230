#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/io/checkpoint.hpp"
#include "cnnrnn/system/paths.hpp"
#include "cnnrnn/train/trainer.hpp"

// Opt-in: not in cnnrnn.hpp, since io/ needs nlohmann-json.

CNNRNN_NAMESPACE_BEGIN
namespace train {

namespace detail {

inline io::RunState to_tensors(const TrainingState& state) {
  Tensor<double> history({std::ssize(state.history), 7});
  double* to = history.mutable_data();
  for (const auto& row : state.history) {
    for (const double value :
         {static_cast<double>(row.epoch), row.train_loss, row.train_accuracy, row.test_loss,
          row.test_accuracy, row.seconds, row.images_per_second}) {
      *to++ = value;
    }
  }
  return {
      {"position", Tensor<Index>({2}, {state.epoch, state.batch})},
      {"counts", Tensor<Index>({2}, {state.running.correct, state.running.images})},
      {"sums", Tensor<double>({2}, {state.running.loss_sum, state.seconds})},
      {"history", history},
  };
}

template <class T>
Tensor<T> take(const std::string& path, const io::RunState& run, const char* name) {
  const auto entry = run.find(name);
  require<FileError>(entry != run.end() && std::holds_alternative<Tensor<T>>(entry->second), path,
                     ": expected the ", name, " of a training run, got none");
  return std::get<Tensor<T>>(entry->second);
}

/// What the names of a run's further state begin with.
inline constexpr const char* more = "more/";

/// Above all counts of images that a run can reach, with room to go on.
inline constexpr Index most_counted = Index{1} << 62;

inline TrainingState to_state(const std::string& path, const io::RunState& run) {
  const auto position = take<Index>(path, run, "position");
  const auto counts = take<Index>(path, run, "counts");
  const auto sums = take<double>(path, run, "sums");
  const auto history = take<double>(path, run, "history");
  require<FileError>(
      position.shape() == Shape{2} && counts.shape() == Shape{2} && sums.shape() == Shape{2} &&
          history.rank() == 2 && history.dim(1) == 7,
      path, ": expected a position (2,), counts (2,), sums (2,) and a history (N, 7), got ",
      position.shape(), ", ", counts.shape(), ", ", sums.shape(), " and ", history.shape());
  require<FileError>(history.dim(0) == position(0), path, ": expected a history of ", position(0),
                     " epochs, got ", history.dim(0));
  const Index correct = counts(0);
  const Index images = counts(1);
  require<FileError>(
      position(1) >= 0 && correct >= 0 && correct <= images && images < most_counted, path,
      ": expected a batch of 0 or more and 0 <= right answers <= images < 2^62, got batch ",
      position(1), ", ", correct, " of ", images);
  require<FileError>(std::isfinite(sums(0)) && std::isfinite(sums(1)) && sums(1) >= 0, path,
                     ": expected a finite loss and 0 or more seconds, got ", sums(0), " and ",
                     sums(1));
  TrainingState state = {.epoch = position(0),
                         .batch = position(1),
                         .running = {sums(0), correct, images},
                         .seconds = sums(1)};
  const auto is_amount = [](double value) { return std::isfinite(value) && value >= 0; };
  for (Index row = 0; row < history.dim(0); ++row) {
    const bool measured = std::isfinite(history(row, 1)) && std::isfinite(history(row, 2));
    const bool no_label = std::isnan(history(row, 1)) && std::isnan(history(row, 2));
    require<FileError>(history(row, 0) == static_cast<double>(row + 1) && (measured || no_label),
                       path, ": expected epoch ", row + 1, " with its loss and accuracy, got ",
                       history(row, 0), ", ", history(row, 1), " and ", history(row, 2));
    require<FileError>(is_amount(history(row, 5)) && is_amount(history(row, 6)), path,
                       ": expected epoch ", row + 1, " with 0 or more seconds and images, got ",
                       history(row, 5), " and ", history(row, 6));
    require<FileError>(!std::isinf(history(row, 3)) && !std::isinf(history(row, 4)), path,
                       ": expected epoch ", row + 1, " with a finite test or none, got ",
                       history(row, 3), " and ", history(row, 4));
    state.history.push_back({static_cast<Index>(history(row, 0)), history(row, 1), history(row, 2),
                             history(row, 3), history(row, 4), history(row, 5), history(row, 6)});
  }
  return state;
}

}  // namespace detail

/// Options of Checkpoints.
struct CheckpointsOptions {
  std::string folder;              ///< made if it is not there
  std::string configuration = {};  ///< a line that says which run it is: options, data, seed
  io::Metadata metadata = {};      ///< of the published model

  /// More that the run needs to go on, such as an average of its weights, by name: what `put` puts
  /// into a checkpoint, `take` gets when the run resumes. What `take` throws is told as a
  /// FileError.
  std::function<void(io::RunState&)> put = {};
  std::function<void(const io::RunState&)> take = {};  ///< gets what `put` has put
};

/// The files of a run, in a folder: `resume.safetensors`, from which the run goes on,
/// `checkpoint.safetensors`, the model alone, for evaluation, prediction and PyTorch, and
/// `history.csv`. Each is whole at any moment, also when saving fails.
///
///   train::Checkpoints<float> checkpoints(model, adam, {.folder = "out"});
///   options.save = [&](const auto& state) { checkpoints.save(state); };
///   trainer.run(checkpoints.resume());
template <class T>
class Checkpoints {
 public:
  /// Model and optimizer must outlive it. Throws FileError when the folder cannot be made.
  Checkpoints(nn::Module<T>& model, optim::Optimizer<T>& optimizer, CheckpointsOptions options)
      : model_(model), optimizer_(optimizer), options_(std::move(options)) {
    std::error_code error;
    os::make_folders(options_.folder, error);
    require<FileError>(os::kind_of_file(options_.folder) == os::FileKind::folder, options_.folder,
                       ": expected a folder or the right to make one, got ", os::reason(error));
  }

  /// The path of the file to resume from.
  std::string resume_path() const { return options_.folder + "/resume.safetensors"; }

  /// The path of the model.
  std::string model_path() const { return options_.folder + "/checkpoint.safetensors"; }

  /// The path of the history.
  std::string history_path() const { return options_.folder + "/history.csv"; }

  /// Writes all three. Throws FileError, such as for a full disk; each file is then the old one or
  /// the new one. What a run goes on from is written last: a finished run has its model.
  void save(const TrainingState& state) {
    io::save(model_path(), model_, options_.metadata);
    io::write_text(history_path(), to_csv(state.history));
    io::RunState run = detail::to_tensors(state);
    if (options_.put) {
      io::RunState more;
      options_.put(more);
      for (const auto& [name, tensor] : more) {
        run.emplace(detail::more + name, tensor);
      }
    }
    io::save_checkpoint(resume_path(), model_, optimizer_, options_.configuration, run);
  }

  /// Puts model and optimizer where the saved run stands, and returns its state. Throws FileError
  /// when there is none, or one of another model, optimizer or configuration; nothing has changed
  /// then.
  TrainingState resume() {
    TrainingState state;
    io::load_checkpoint(resume_path(), model_, optimizer_, options_.configuration,
                        [&](const io::RunState& run) {
                          state = detail::to_state(resume_path(), run);
                          take(io::detail::behind(detail::more, run));
                        });
    return state;
  }

 private:
  void take(const io::RunState& more) const {
    try {
      if (options_.take) {
        options_.take(more);
      }
    } catch (const ValueError& error) {
      throw FileError(to_message(resume_path(), ": ", error.what()));
    }
  }

  nn::Module<T>& model_;
  optim::Optimizer<T>& optimizer_;
  CheckpointsOptions options_;
};

}  // namespace train
CNNRNN_NAMESPACE_END
