#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/optim/clip_grad_norm.hpp"
#include "cnnrnn/optim/optimizer.hpp"
#include "cnnrnn/optim/schedule.hpp"
#include "cnnrnn/train/evaluate.hpp"
#include "cnnrnn/train/history.hpp"
#include "cnnrnn/train/nonfinite.hpp"
#include "cnnrnn/train/processes.hpp"
#include "cnnrnn/train/progress.hpp"
#include "cnnrnn/train/views.hpp"

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
  Index step = 0;               ///< batches done in all epochs; the trainer counts them
};

/// Why a run ended: all epochs are done, after_epoch said so, or stop did.
enum class Ending { finished, enough, stopped };

/// Options of Trainer.
template <class T>
struct TrainerOptions {
  Index epochs = 10;  ///< passes over the training images

  /// Batches in all, if not 0, instead of epochs. The last epoch ends with them and is complete
  /// then: a run at its end cannot be given more steps.
  Index steps = 0;

  LossFunction<T> loss = cross_entropy_loss<T>();         ///< of logits and labels
  optim::Schedule schedule = optim::constant_schedule();  ///< by batch, over all epochs
  double clip_norm = 0;                                   ///< 0: gradients are not clipped

  /// Added to the loss before the backward pass, such as a term of the weights or of another output
  /// that the model has kept. The history has the loss alone.
  std::function<Variable<T>(const Variable<T>& logits, const data::Batch<T>& batch)> auxiliary = {};

  /// Which of several training loaders an epoch takes; none: they take turns.
  std::function<std::size_t(Index epoch)> loader = {};

  /// How a test looks at the images, if not as they are; see TestTimeAugmentation.
  Views<T> views = {};
  Index test_every = 1;  ///< epochs between two tests; the last one is always tested

  /// Called before the batches of an epoch, also when a run goes on in the middle of one.
  std::function<void(const TrainingState&)> before_epoch = {};

  /// Called in each step when the gradients are there, before the optimizer uses them.
  std::function<void(const TrainingState&)> before_update = {};

  /// Called after each step, which `state.step` counts, before the run is saved.
  std::function<void(const TrainingState&)> after_step = {};

  /// Called after each epoch, when its row is in the history, before the run is saved.
  std::function<void(const TrainingState&)> after_evaluation = {};

  /// Called after each epoch, and every so many batches or seconds within one if they are not 0,
  /// and when the run is stopped.
  std::function<void(const TrainingState&)> save = {};
  Index save_batches = 0;   ///< 0: not within an epoch
  double save_seconds = 0;  ///< 0: not within an epoch

  /// Called after each epoch, when it has been saved; false ends the run.
  std::function<bool(const TrainingState&)> after_epoch = {};

  /// Asked after each batch; true saves and ends the run.
  std::function<bool()> stop = {};

  ProgressOptions progress = {};  ///< how the line on the terminal is shown

  /// Those that train the model together with this one, if any; they must outlive the trainer. The
  /// loaders have the batches of all. The first process shows the progress and saves; all stop when
  /// one is to.
  Processes<T>* processes = nullptr;
};

/// The least number of steps that makes up so many epochs, which need not be whole: for
/// TrainerOptions::steps. Throws ValueError unless both are positive.
inline Index steps_of(double epochs, Index batches) {
  constexpr double most = 1e15;
  require<ValueError>(epochs > 0 && batches > 0 && epochs * static_cast<double>(batches) < most,
                      "steps_of: expected a positive number of epochs and of batches, got ", epochs,
                      " and ", batches);
  // 1.1 x 10 is 11.000000000000002, yet means 11.
  constexpr double rounding = 1e-9;
  return static_cast<Index>(std::ceil(epochs * static_cast<double>(batches) * (1 - rounding)));
}

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
      : Trainer(model, optimizer, std::vector<data::Loader<T>>{std::move(train)}, std::move(test),
                std::move(options)) {}

  /// The same with several loaders, one for each epoch.
  Trainer(nn::Layer<T>& model, optim::Optimizer<T>& optimizer, std::vector<data::Loader<T>> train,
          std::optional<data::Loader<T>> test, TrainerOptions<T> options = {})
      : model_(model),
        optimizer_(optimizer),
        train_(std::move(train)),
        test_(std::move(test)),
        options_(std::move(options)),
        progress_(progress_options()) {
    require<ValueError>(options_.epochs > 0, "train: expected a positive number of epochs, got ",
                        options_.epochs);
    require<ValueError>(options_.steps >= 0 && options_.test_every > 0,
                        "train: expected 0 or more steps and a positive test_every, got ",
                        options_.steps, " and ", options_.test_every);
    require<ValueError>(!train_.empty(), "train: expected a training loader, got none");
    require<ValueError>(options_.clip_norm >= 0, "train: expected a clip norm of 0 or more, got ",
                        options_.clip_norm);
    require<ValueError>(options_.save_batches >= 0 && options_.save_seconds >= 0,
                        "train: expected 0 or more batches and seconds between savings, got ",
                        options_.save_batches, " and ", options_.save_seconds);
    if (options_.processes != nullptr) {
      require_parameters_of_model();
    }
    for (data::Loader<T>& loader : train_) {
      own_.push_back(own_part(loader));
    }
    if (!options_.views.empty()) {
      patient_.emplace(model_, options_.views);
    }
    epochs_ = options_.epochs;
    if (options_.steps > 0) {
      epochs_ = 0;
      for (Index step = 0; step < options_.steps; ++epochs_) {
        step += loader_of(epochs_).batches();
      }
    }
  }

  /// Trains from where `state` stands. Throws NumericError, with the epoch and the step, when a
  /// loss or the gradient's norm is not finite; nothing is saved then. For a loss it names the
  /// first layer whose output is not finite, which takes a second forward pass (see
  /// first_nonfinite).
  Ending run(TrainingState state = {}) {
    state_ = std::move(state);
    begin();
    model_.train();
    while (state_.epoch < epochs_) {
      if (!run_batches() || !finish_epoch()) {
        save();
        return Ending::stopped;
      }
      save();
      if (options_.after_epoch && any(!options_.after_epoch(state_))) {
        return Ending::enough;
      }
      if (state_.epoch < epochs_ && stop()) {
        return Ending::stopped;
      }
    }
    return Ending::finished;
  }

  /// Where the run is: epoch, step, metrics.
  const TrainingState& state() const { return state_; }

 private:
  using Pass = typename data::Loader<T>::Iterator;

  /// What is told of a batch: its metrics, and the auxiliary loss.
  static constexpr std::size_t told = detail::BatchMetrics::numbers + 1;

  ProgressOptions progress_options() const {
    ProgressOptions options = options_.progress;
    if (!leads()) {
      options.out = nullptr;
    }
    return options;
  }

  /// Processes share the gradients of the model's parameters: others would drift apart.
  void require_parameters_of_model() const {
    const auto own = model_.parameters();
    for (const auto& parameter : optimizer_.parameters()) {
      require<ValueError>(std::ranges::any_of(own,
                                              [&](const Variable<T>& other) {
                                                return other.edge().record ==
                                                       parameter.edge().record;
                                              }),
                          "train: expected an optimizer of the model's parameters alone, to share "
                          "their gradients with other processes, got one more of shape ",
                          parameter.shape());
    }
  }

  bool leads() const { return options_.processes == nullptr || options_.processes->leads(); }
  Index shards() const { return options_.processes == nullptr ? 1 : options_.processes->shards(); }
  Index own_shards() const {
    return options_.processes == nullptr ? 1 : options_.processes->own_shards();
  }

  /// What this process takes of a loader.
  data::Loader<T> own_part(const data::Loader<T>& loader) const {
    return options_.processes == nullptr ? loader : options_.processes->own(loader);
  }

  /// Whether something holds here, or in any process.
  bool any(bool here) const {
    return options_.processes == nullptr ? here : options_.processes->any(here);
  }

  std::size_t index_of_loader(Index epoch) const {
    const std::size_t index =
        options_.loader ? options_.loader(epoch) : static_cast<std::size_t>(epoch) % train_.size();
    require<ValueError>(index < train_.size(), "train: expected a loader below ", train_.size(),
                        ", got ", index, " for epoch ", epoch + 1);
    return index;
  }
  const data::Loader<T>& loader_of(Index epoch) const { return train_[index_of_loader(epoch)]; }

  /// Counts the steps up to where the state stands, and checks that it can stand there.
  void begin() {
    const bool exists = state_.epoch >= 0 && state_.batch >= 0;
    state_.step = 0;
    for (Index epoch = 0; epoch < state_.epoch; ++epoch) {
      state_.step += loader_of(epoch).batches();
    }
    batches_ = batches_of_epoch();
    require<ValueError>(exists && state_.batch <= batches_,
                        "train: expected a state within epochs of ", batches_,
                        " batches, got epoch ", state_.epoch, ", batch ", state_.batch);
    state_.step += state_.batch;
  }

  /// Batches of the epoch that begins at state_.step: those of its loader, but for those past the
  /// last step.
  Index batches_of_epoch() {
    const Index all = loader_of(std::max(Index{0}, state_.epoch)).batches();
    const bool ends = options_.steps > 0 && state_.epoch < epochs_;
    return ends ? std::min(all, options_.steps - state_.step) : all;
  }

  /// Trains on the rest of the epoch; false when the run is to stop.
  bool run_batches() {
    auto& loader = own_[index_of_loader(state_.epoch)];
    loader.set_epoch(state_.epoch, state_.batch * own_shards());
    call(options_.before_epoch);
    progress_.begin(label(), batches_, state_.batch);
    double last = options_.progress.clock();
    saved_ = last;
    if (state_.batch == batches_) {
      return true;
    }
    for (auto pass = loader.begin(); pass != loader.end(); ++pass) {
      train_batch(pass);
      const double now = options_.progress.clock();
      state_.seconds += now - last;
      progress_.update(state_.batch, (*pass).labels.size() * shards(), [&] {
        return to_message("loss ", detail::fixed(state_.running.loss(), 4), " accuracy ",
                          detail::fixed(state_.running.accuracy(), 4));
      });
      if (stop()) {
        return false;
      }
      if (state_.batch == batches_) {
        break;
      }
      if (time_to_save(now)) {
        save();
      }
      last = options_.progress.clock();
    }
    return true;
  }

  /// A step on the next batch of the pass, or the next ones if they are shards; the pass ends at
  /// the last of them.
  void train_batch(Pass& pass) {
    optimizer_.set_learning_rate_factor(options_.schedule(state_.step));
    measured_.clear();
    if (options_.processes == nullptr) {
      const Variable<T> total = forward(*pass);
      optimizer_.zero_grad();
      total.backward();
    } else {
      options_.processes->backward([&](Index shard) {
        if (shard > 0) {
          ++pass;
        }
        const data::Batch<T> batch = *pass;  // the next shard may begin before this one ends
        return forward(batch);
      });
      tell_of_batches();
    }
    clip();
    call(options_.before_update);
    optimizer_.step();
    for (std::size_t at = 0; at < measured_.size(); at += told) {
      detail::BatchMetrics::from(&measured_[at]).add_to(state_.running);
    }
    ++state_.batch;
    ++state_.step;
    call(options_.after_step);
  }

  /// The loss of a batch, which is measured; with other processes also one that is not finite,
  /// since they must hear of it.
  Variable<T> forward(const data::Batch<T>& batch) {
    const Variable<T> logits = model_(Variable<T>(batch.images));
    const Variable<T> loss = options_.loss(logits, batch);
    const auto value = static_cast<double>(loss.item());
    if (!std::isfinite(value)) {
      if (options_.processes == nullptr) {
        stop_at(value, first_nonfinite(model_, options_.loss, batch));
      }
      nonfinite_ = nonfinite_.images.defined() ? nonfinite_ : batch;
    }
    detail::measure(options_.loss, value, logits.value(), batch.labels).append_to(measured_);
    const Variable<T> more = options_.auxiliary ? options_.auxiliary(logits, batch) : Variable<T>();
    measured_.push_back(more.defined() ? static_cast<double>(more.item()) : 0);
    if (options_.processes == nullptr) {
      require_finite_auxiliary(measured_.back());
    }
    return more.defined() ? loss + more : loss;
  }

  /// Puts the shards of all processes into measured_. All stop at a loss that is not finite, and
  /// say what the first process that found one has to say.
  void tell_of_batches() {
    measured_ = options_.processes->gather(measured_);
    for (std::size_t at = 0; at < measured_.size(); at += told) {
      if (std::isfinite(measured_[at])) {
        require_finite_auxiliary(measured_[at + told - 1]);
        continue;
      }
      const Index shard = static_cast<Index>(at / told);
      const Index from = shard / own_shards();
      const std::string first = options_.processes->rank() == from
                                    ? first_nonfinite(model_, options_.loss, nonfinite_)
                                    : std::string();
      stop_at(measured_[at], options_.processes->broadcast(first, from));
    }
  }

  void require_finite_auxiliary(double value) const {
    require<NumericError>(std::isfinite(value), "train: expected a finite auxiliary loss, got ",
                          value, position());
  }

  void call(const std::function<void(const TrainingState&)>& hook) const {
    if (hook) {
      hook(state_);
    }
  }

  [[noreturn]] void stop_at(double loss, const std::string& first) const {
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
    if (test_ && (row.epoch % options_.test_every == 0 || row.epoch == epochs_)) {
      nn::Layer<T>& model = patient_ ? static_cast<nn::Layer<T>&>(*patient_) : model_;
      const auto tested =
          options_.processes == nullptr
              ? evaluate_until(model, *test_, options_.loss, options_.stop)
              : evaluate_until(*options_.processes, model, *test_, options_.loss, options_.stop);
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
    batches_ = batches_of_epoch();
    call(options_.after_evaluation);
    return true;
  }

  bool stop() const { return options_.stop && any(options_.stop()); }

  bool time_to_save(double now) const {
    return ((options_.save_batches > 0 && state_.batch % options_.save_batches == 0) ||
            (options_.save_seconds > 0 && now - saved_ >= options_.save_seconds));
  }

  void save() {
    if (options_.save) {
      require_finite_weights();  // in all processes, so that none waits for another
      if (leads()) {
        options_.save(state_);
      }
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

  std::string label() const { return to_message("epoch ", state_.epoch + 1, '/', epochs_); }
  std::string position() const {
    return to_message(" at epoch ", state_.epoch + 1, ", step ", state_.batch + 1, " of ",
                      batches_);
  }

  nn::Layer<T>& model_;
  optim::Optimizer<T>& optimizer_;
  std::vector<data::Loader<T>> train_;
  std::vector<data::Loader<T>> own_;  ///< what this process takes of them
  std::optional<data::Loader<T>> test_;
  TrainerOptions<T> options_;
  std::optional<TestTimeAugmentation<T>> patient_;
  Progress progress_;
  TrainingState state_;
  std::vector<double> measured_;  ///< of the batches of a step: see BatchMetrics
  data::Batch<T> nonfinite_;      ///< the first of them with a loss that is not finite, if any
  Index epochs_ = 0;              ///< of the run, the last of which may be cut short
  Index batches_ = 0;             ///< of the epoch that is next or under way
  double saved_ = 0;
};

}  // namespace train
CNNRNN_NAMESPACE_END
