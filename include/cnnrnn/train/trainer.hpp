#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/optim/clip_grad_norm.hpp"
#include "cnnrnn/optim/optimizer.hpp"
#include "cnnrnn/optim/schedule.hpp"
#include "cnnrnn/train/evaluate.hpp"
#include "cnnrnn/train/history.hpp"
#include "cnnrnn/train/nonfinite.hpp"
#include "cnnrnn/train/progress.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// Where a run stands. With the states of model and optimizer it is all that a run needs to go on
/// as if it had not stopped.
struct TrainingState {
  Index epoch = 0;              ///< epochs that are complete
  Index batch = 0;              ///< batches of the next epoch that are done
  RunningMetrics running = {};  ///< over those batches
  double seconds = 0;           ///< spent on those batches
  History history = {};         ///< of the complete epochs
};

/// Why a run ended: all epochs are done, after_epoch said so, or stop did.
enum class Ending { finished, enough, stopped };

template <class T>
struct TrainerOptions {
  Index epochs = 10;
  LossFunction<T> loss = cross_entropy_loss<T>();
  optim::Schedule schedule = optim::constant_schedule();  ///< by batch, over all epochs
  double clip_norm = 0;                                   ///< 0: gradients are not clipped

  /// Called after each epoch, and every so many batches or seconds within one if they are not 0,
  /// and when the run is stopped.
  std::function<void(const TrainingState&)> save = {};
  Index save_batches = 0;
  double save_seconds = 0;

  /// Called after each epoch; false ends the run.
  std::function<bool(const TrainingState&)> after_epoch = {};

  /// Asked after each batch; true saves and ends the run.
  std::function<bool()> stop = {};

  ProgressOptions progress = {};
};

/// The training loop.
///
///   train::Trainer<float> trainer(model, adam, train_loader, test_loader, {.epochs = 3});
///   trainer.run();
template <class T>
class Trainer {
 public:
  /// Without a test loader only the training itself is measured. Model and optimizer must outlive
  /// the trainer. Throws ValueError for an option outside its range.
  Trainer(nn::Layer<T>& model, optim::Optimizer<T>& optimizer, data::Loader<T> train,
          std::optional<data::Loader<T>> test, TrainerOptions<T> options = {})
      : model_(model),
        optimizer_(optimizer),
        train_(std::move(train)),
        test_(std::move(test)),
        options_(std::move(options)),
        progress_(options_.progress) {
    require<ValueError>(options_.epochs > 0, "train: expected a positive number of epochs, got ",
                        options_.epochs);
    require<ValueError>(options_.clip_norm >= 0, "train: expected a clip norm of 0 or more, got ",
                        options_.clip_norm);
    require<ValueError>(options_.save_batches >= 0 && options_.save_seconds >= 0,
                        "train: expected 0 or more batches and seconds between savings, got ",
                        options_.save_batches, " and ", options_.save_seconds);
  }

  /// Trains from where `state` stands. Throws NumericError, with the epoch and the step, when a
  /// loss or the gradient's norm is not finite; nothing is saved then. For a loss it names the
  /// first layer whose output is not finite, which takes a second forward pass (see
  /// first_nonfinite).
  Ending run(TrainingState state = {}) {
    state_ = std::move(state);
    require<ValueError>(state_.epoch >= 0 && state_.batch >= 0 && state_.batch <= train_.batches(),
                        "train: expected a state within epochs of ", train_.batches(),
                        " batches, got epoch ", state_.epoch, ", batch ", state_.batch);
    model_.train();
    while (state_.epoch < options_.epochs) {
      if (!run_batches() || !finish_epoch()) {
        save();
        return Ending::stopped;
      }
      save();
      if (options_.after_epoch && !options_.after_epoch(state_)) {
        return Ending::enough;
      }
      if (state_.epoch < options_.epochs && stop()) {
        return Ending::stopped;
      }
    }
    return Ending::finished;
  }

  const TrainingState& state() const { return state_; }

 private:
  /// Trains on the rest of the epoch; false when the run is to stop.
  bool run_batches() {
    train_.set_epoch(state_.epoch, state_.batch);
    progress_.begin(label(), train_.batches(), state_.batch);
    double last = options_.progress.clock();
    saved_ = last;
    for (const auto& batch : train_) {
      train_batch(batch);
      const double now = options_.progress.clock();
      state_.seconds += now - last;
      progress_.update(state_.batch, batch.labels.size(), [&] {
        return to_message("loss ", detail::fixed(state_.running.loss(), 4), " accuracy ",
                          detail::fixed(state_.running.accuracy(), 4));
      });
      if (stop()) {
        return false;
      }
      if (time_to_save(now)) {
        save();
      }
      last = options_.progress.clock();
    }
    return true;
  }

  void train_batch(const data::Batch<T>& batch) {
    const Index step = state_.epoch * train_.batches() + state_.batch;
    optimizer_.set_learning_rate_factor(options_.schedule(step));
    const Variable<T> logits = model_(Variable<T>(batch.images));
    const Variable<T> loss = options_.loss(logits, batch.labels);
    const auto value = static_cast<double>(loss.item());
    if (!std::isfinite(value)) {
      stop_at(value, batch);
    }
    optimizer_.zero_grad();
    loss.backward();
    clip();
    optimizer_.step();
    const Index ignored = options_.loss.ignore_index();
    state_.running.add(value, count_correct(logits.value(), batch.labels, ignored),
                       count_labels(batch.labels, ignored));
    ++state_.batch;
  }

  [[noreturn]] void stop_at(double loss, const data::Batch<T>& batch) {
    const std::string first = first_nonfinite(model_, options_.loss, batch);
    throw NumericError(to_message("train: expected a finite loss, got ", loss, position(),
                                  first.empty() ? "" : "; the first that is not finite is ",
                                  first));
  }

  void clip() {
    if (options_.clip_norm > 0) {
      const double norm = optim::clip_grad_norm(optimizer_.parameters(), options_.clip_norm,
                                                {.allow_nonfinite = true});
      require<NumericError>(std::isfinite(norm), "train: expected a finite gradient, got norm ",
                            norm, position());
    }
  }

  /// Tests the model and closes the epoch; false when the run is to stop before the test is done.
  bool finish_epoch() {
    HistoryRow row = {
        .epoch = state_.epoch + 1,
        .train_loss = state_.running.loss(),
        .train_accuracy = state_.running.accuracy(),
        .seconds = state_.seconds,
        .images_per_second = static_cast<double>(state_.running.images) / state_.seconds};
    if (test_) {
      const auto tested = evaluate_until(model_, *test_, options_.loss, options_.stop);
      if (!tested) {
        return false;
      }
      row.test_loss = tested->loss();
      require<NumericError>(std::isfinite(tested->loss_sum),
                            "train: expected a finite test loss, got ", row.test_loss,
                            " after epoch ", row.epoch);
      row.test_accuracy = tested->accuracy();
    }
    progress_.line(to_message(label(), "  ", to_line(row)));
    state_.history.push_back(row);
    ++state_.epoch;
    state_.batch = 0;
    state_.running = {};
    state_.seconds = 0;
    return true;
  }

  bool stop() const { return options_.stop && options_.stop(); }

  bool time_to_save(double now) const {
    return state_.batch < train_.batches() &&
           ((options_.save_batches > 0 && state_.batch % options_.save_batches == 0) ||
            (options_.save_seconds > 0 && now - saved_ >= options_.save_seconds));
  }

  void save() {
    if (options_.save) {
      require_finite_weights();
      options_.save(state_);
    }
    saved_ = options_.progress.clock();
  }

  // A gradient that overflowed shows only in the next loss: it must not replace good weights on
  // disk.
  void require_finite_weights() const {
    for (const auto& parameter : optimizer_.parameters()) {
      require<NumericError>(detail::all_finite(parameter.value()),
                            "train: expected finite weights to save, got some that are not",
                            position());
    }
  }

  std::string label() const { return to_message("epoch ", state_.epoch + 1, '/', options_.epochs); }
  std::string position() const {
    return to_message(" at epoch ", state_.epoch + 1, ", step ", state_.batch + 1, " of ",
                      train_.batches());
  }

  nn::Layer<T>& model_;
  optim::Optimizer<T>& optimizer_;
  data::Loader<T> train_;
  std::optional<data::Loader<T>> test_;
  TrainerOptions<T> options_;
  Progress progress_;
  TrainingState state_;
  double saved_ = 0;
};

}  // namespace train
CNNRNN_NAMESPACE_END
