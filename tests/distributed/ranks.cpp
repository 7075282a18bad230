// Runs under mpirun, on 1, 2 or 4 processes: what must hold in each, and a line for each run, which
// ranks.py compares between numbers of processes. With the argument `bad`: on a number of processes
// that is no power of two.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/distributed/data_parallel.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/state_dict.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/fixture.hpp"
#include "train/small_run.hpp"

using namespace cnnrnn;
using distributed::Communicator;
using distributed::DataParallel;
using distributed::DataParallelOptions;
using distributed::Wire;

namespace {

constexpr Index shards = 4;
int failures = 0;

void expect(bool holds, const std::string& what, Index rank) {
  if (!holds) {
    std::cerr << "rank " << rank << ": " << what << std::endl;
    ++failures;
  }
}

/// What a call throws, as text.
template <class E>
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing";
}

template <class T>
void take(std::uint64_t& hash, std::span<const T> values) {
  for (const std::byte byte : std::as_bytes(values)) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3U;
  }
}

/// All that a run leaves: model, generators, optimizer and history, but for its times.
template <class T>
std::uint64_t digest(SmallRun<T>& run, const train::TrainingState& state) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto model = nn::state_dict(run.model);
  for (const auto& [name, tensor] : model.tensors) {
    take(hash, tensor.span());
  }
  for (const auto& [name, counter] : model.counters) {
    take(hash, counter.span());
  }
  for (const auto& [name, random] : model.random_states) {
    take(hash, std::span<const std::uint64_t>(random));
  }
  const auto memory = run.adam.state();
  for (const auto& [name, tensor] : memory.tensors) {
    take(hash, tensor.span());
  }
  for (const auto& row : state.history) {
    const double numbers[] = {row.train_loss, row.train_accuracy, row.test_loss, row.test_accuracy};
    take(hash, std::span<const double>(numbers));
  }
  return hash;
}

template <class T = float>
data::Loader<T> loader(Index batch = 8) {
  return data::Loader<T>(small_images(50),
                         {.batch = batch, .shuffle = true, .seed = 3, .drop_last = true});
}

const train::ProgressOptions silent = {.out = nullptr};

struct Outcome {
  std::uint64_t digest;
  std::vector<float> weights;
};

/// Two epochs.
template <class T = float>
Outcome trained(const Communicator& world, const DataParallelOptions& options, Index batch = 8,
                double clip = 0) {
  SmallRun<T> run(static_cast<std::uint64_t>(1 + world.rank()));  // the first one's model counts
  DataParallel<T> parallel(world, run.model, options);
  train::Trainer<T> trainer(
      run.model, run.adam, loader<T>(batch), small_loader<T>(),
      {.epochs = 2, .clip_norm = clip, .progress = silent, .processes = &parallel});
  trainer.run();
  const auto weights = run.model.parameters().front().value().span();
  return {digest(run, trainer.state()), {weights.begin(), weights.end()}};
}

void say(const Communicator& world, const std::string& what, std::uint64_t digest) {
  const auto all = world.gather(std::span<const std::uint64_t>(&digest, 1));
  for (const std::uint64_t other : all) {
    expect(other == digest, what + ": the ranks differ", world.rank());
  }
  if (world.leads()) {
    std::printf("%s %016llx\n", what.c_str(), static_cast<unsigned long long>(digest));
  }
}

void check_runs(const Communicator& world) {
  const auto plain = trained(world, {.shards = shards});
  say(world, "four shards", plain.digest);
  const auto small = trained(world, {.shards = shards, .bucket_bytes = 40});
  expect(small.digest == plain.digest, "buckets change the result", world.rank());
  const auto rounded = trained(world, {.shards = shards, .wire = Wire::bfloat16});
  say(world, "bfloat16", rounded.digest);
  expect(rounded.digest != plain.digest, "nothing was rounded", world.rank());
  for (std::size_t i = 0; i < plain.weights.size(); ++i) {
    expect(std::abs(rounded.weights[i] - plain.weights[i]) < 0.05, "rounded too much",
           world.rank());
  }
  const auto synchronized = trained(world, {.shards = shards, .sync_batch_norm = true});
  say(world, "synchronized", synchronized.digest);
  expect(synchronized.digest != plain.digest, "nothing was synchronized", world.rank());
  say(world, "eight shards", trained(world, {.shards = 8}, 16, 0.5).digest);
  const auto narrow = trained<bfloat16>(world, {.shards = shards});
  say(world, "of bfloat16", narrow.digest);
  const auto narrow_small = trained<bfloat16>(world, {.shards = shards, .bucket_bytes = 40});
  expect(narrow_small.digest == narrow.digest, "buckets change the result of bfloat16",
         world.rank());
  say(world, "of bfloat16, synchronized",
      trained<bfloat16>(world, {.shards = shards, .sync_batch_norm = true}).digest);
}

/// A run that the last process wants to stop, and that goes on, ends as one that went through.
void check_stop(const Communicator& world) {
  SmallRun<float> run;
  DataParallel<float> parallel(world, run.model, {.shards = shards});
  Index asked = 0;
  Index saved = 0;
  const auto trainer = [&](Index stop_at) {
    return train::Trainer<float>(
        run.model, run.adam, loader(), small_loader<float>(),
        {.epochs = 2,
         .save = [&](const train::TrainingState&) { ++saved; },
         .stop = [&, stop_at] { return ++asked == stop_at && world.rank() == world.size() - 1; },
         .progress = silent,
         .processes = &parallel});
  };
  auto first = trainer(4);
  expect(first.run() == train::Ending::stopped, "it did not stop", world.rank());
  expect(first.state().batch == 4, "it stopped elsewhere", world.rank());
  expect(saved == (world.leads() ? 1 : 0), "another rank than the first saved", world.rank());
  asked = 0;
  auto second = trainer(0);
  second.run(first.state());
  say(world, "four shards", digest(run, second.state()));
}

/// Gradients are those of each shard by itself, added in the tree; frozen and unused parameters
/// have none.
void check_gradients(const Communicator& world) {
  Random random(1);
  nn::Linear<float> used(16, 3, random);
  nn::Linear<float> unused(16, 3, random);
  nn::Linear<float> frozen(3, 3, random);
  struct Whole : nn::Module<float> {
    std::vector<nn::Module<float>*> parts;
    void visit(nn::Visitor<float>& visitor) override {
      for (std::size_t i = 0; i < parts.size(); ++i) {
        visitor(std::to_string(i), *parts[i]);
      }
    }
    std::string describe() const override { return "Whole"; }
  } whole;
  whole.parts = {&used, &unused, &frozen};
  frozen.set_requires_grad(false);
  const auto loss_of = [&](const data::Batch<float>& batch) {
    return cross_entropy(frozen(used(flatten(Variable<float>(batch.images)))), batch.labels);
  };
  std::vector<Tensor<float>> tree;
  for (const auto& batch : loader().shards(shards, 0, shards)) {
    used.zero_grad();
    loss_of(batch).backward();
    tree.push_back(used.parameters().front().grad());
    if (std::ssize(tree) == shards) {
      break;
    }
  }
  DataParallel<float> parallel(world, whole, {.shards = shards});
  auto pass = parallel.own(loader()).begin();
  parallel.backward([&](Index shard) {
    if (shard > 0) {
      ++pass;
    }
    return loss_of(*pass);
  });
  const Tensor<float> gradient = used.parameters().front().grad();
  for (Index i = 0; i < gradient.size(); ++i) {
    const auto of = [&](std::size_t shard) { return tree[shard].data()[i]; };
    expect(gradient.data()[i] == ((of(0) + of(1)) + (of(2) + of(3))) / 4, "another sum",
           world.rank());
  }
  expect(!unused.parameters().front().grad().defined(), "an unused parameter has a gradient",
         world.rank());
  expect(!frozen.parameters().front().grad().defined(), "a frozen parameter has a gradient",
         world.rank());
}

/// With batch norms over all shards the gradients and the statistics are those of the whole batch,
/// which PyTorch computed.
void check_synchronized(const Communicator& world) {
  const Fixture fixture("sync_batch_norm");
  Random random(4);
  nn::Sequential<double> model(nn::Conv2d<double>(1, 6, {.kernel = 3}, random),
                               nn::BatchNorm2d<double>(6), nn::Relu<double>(),
                               nn::MaxPool2d<double>(), nn::Flatten<double>(),
                               nn::Linear<double>(6, 5, random), nn::BatchNorm1d<double>(5),
                               nn::Linear<double>(5, 3, random));
  for (auto& [name, parameter] : model.named_parameters()) {
    parameter.mutable_value().copy_from(fixture.get<double>("parameter/" + name));
  }
  DataParallel<double> parallel(world, model, {.shards = shards, .sync_batch_norm = true});
  const auto images = fixture.get<double>("x");
  const auto labels = fixture.get<Index>("labels");
  parallel.backward([&](Index shard) {
    const auto from = static_cast<std::size_t>(4 * (parallel.first_shard() + shard));
    const Tensor<double> x({4, 4, 4, 1}, images.span().subspan(from * 16, 64));
    const Tensor<Index> own({4}, labels.span().subspan(from, 4));
    return cross_entropy(model(x), own);
  });
  const auto compare = [&](const std::string& name, const Tensor<double>& got) {
    const auto expected = fixture.get<double>(name);
    for (Index i = 0; i < expected.size(); ++i) {
      expect(std::abs(expected.data()[i] - got.data()[i]) < 1e-12,
             name + " is not that of the whole batch", world.rank());
    }
  };
  for (const auto& [name, parameter] : model.named_parameters()) {
    compare("gradient/" + name, parameter.grad());
  }
  for (const auto& [name, tensor] : nn::state_dict(model).tensors) {
    if (name.find("running") != std::string::npos) {
      compare("buffer/" + name, tensor);
    }
  }
}

/// A layer that reads a buffer and a parameter that nothing changes.
class Constants : public nn::Layer<double> {
 public:
  Variable<double> operator()(const Variable<double>& x) override {
    return x * Variable<double>(scale_) + shift_;
  }
  void visit(nn::Visitor<double>& visitor) override {
    visitor("scale", scale_);
    visitor("shift", shift_);
  }
  std::string describe() const override { return "Constants"; }

 private:
  Tensor<double> scale_ = Tensor<double>::full({3}, 2);
  Variable<double> shift_{Tensor<double>::ones({3})};
};

/// What is read in the forward pass may be saved for the backward pass, while shards take turns.
void check_constants(const Communicator& world) {
  Random random(2);
  nn::Sequential<double> model(nn::Flatten<double>(), nn::Linear<double>(16, 3, random),
                               Constants(), nn::BatchNorm1d<double>(3));
  DataParallel<double> parallel(world, model, {.shards = shards, .sync_batch_norm = true});
  const data::Loader<double> batches(small_images(shards), {.batch = shards});  // an image a shard
  auto pass = parallel.own(batches).begin();
  parallel.backward([&](Index shard) {
    if (shard > 0) {
      ++pass;
    }
    const auto batch = *pass;
    return cross_entropy(model(Variable<double>(batch.images)), batch.labels);
  });
  std::uint64_t hash = 0;
  take(hash, model.parameters().front().grad().span());
  say(world, "constants", hash);
}

/// Gradients out of turn, missing, or of nothing.
void check_order(const Communicator& world) {
  Random random(2);
  nn::Linear<double> model(2, 1, random);
  const distributed::ShardPlan plan{2 * world.size(), 2};
  distributed::GradientReducer<double> reducer(world, model.parameters(), plan);
  const auto loss = [&] { return sum(model(Variable<double>(Tensor<double>::ones({1, 2})))); };
  const auto refused = [&](const std::function<void()>& call) {
    return message_of<ValueError>(call);
  };
  expect(refused([&] { reducer.backward(loss(), 1); }) ==
             "GradientReducer: expected shard 0 of 2, got 1",
         "a shard out of turn", world.rank());
  reducer.backward(loss(), 0);
  expect(refused([&] { reducer.finish(); }) ==
             "GradientReducer: expected the gradients of 2 shards, got 1",
         "a shard is missing", world.rank());
  reducer.backward(loss(), 1);
  reducer.finish();
  expect(model.weight().grad()(0, 0) == 1, "the mean of ones", world.rank());
  model.set_requires_grad(false);
  const auto nothing = message_of<GraphError>([&] { reducer.backward(loss(), 0); });
  expect(nothing.starts_with("backward: "), nothing, world.rank());
}

/// What a shard throws comes out, while others wait for it.
void check_failing_shard(const Communicator& world) {
  SmallRun<float> run;
  DataParallel<float> parallel(world, run.model, {.shards = 2, .sync_batch_norm = true});
  const std::string message = message_of<ValueError>([&] {
    parallel.backward([&](Index shard) -> Variable<float> {
      require<ValueError>(shard == 0, "failed");
      return cross_entropy(run.model(Variable<float>(Tensor<float>::ones({4, 4, 4, 1}))),
                           Tensor<Index>::zeros({4}));
    });
  });
  expect(message == "failed", message, world.rank());
}

/// Each process sends what a ring would: 2 (R - 1) / R of the gradients.
void check_volume(const Communicator& world) {
  Random random(1);
  nn::Linear<float> model(1000, 50, random);
  for (const Wire wire : {Wire::exact, Wire::bfloat16}) {
    DataParallel<float> parallel(world, model, {.shards = world.size() == 1 ? 2 : 0, .wire = wire});
    parallel.backward([&](Index) {
      return sum(model(Variable<float>(Tensor<float>::ones({2, 1000}))));
    });
    const auto ranks = static_cast<double>(world.size());
    const double ring = 2 * (ranks - 1) / ranks * static_cast<double>(model.parameter_count()) *
                        (wire == Wire::exact ? 4 : 2);
    expect(std::abs(static_cast<double>(parallel.bytes_sent()) - ring) <= 0.05 * ring,
           to_message("sent ", parallel.bytes_sent(), " bytes, a ring sends ", ring), world.rank());
  }
}

/// The tests of a data set are shared, and their sums are those of one process.
void check_evaluation(const Communicator& world) {
  SmallRun<float> run;
  DataParallel<float> parallel(world, run.model);
  const auto shared = train::evaluate(parallel, run.model, small_loader<float>());
  const auto alone = train::evaluate(run.model, small_loader<float>());
  expect(shared.loss_sum == alone.loss_sum && shared.correct == alone.correct &&
             shared.images == alone.images,
         "the evaluation differs", world.rank());
}

/// All processes hear of a loss that is not finite, and which layer it came from.
void check_nonfinite(const Communicator& world) {
  SmallRun<float> run;
  DataParallel<float> parallel(world, run.model, {.shards = shards});
  const auto explode = [&](const Variable<float>& logits, const Tensor<Index>& labels) {
    const auto loss = cross_entropy(logits, labels);
    return world.rank() == world.size() - 1 ? loss * std::numeric_limits<float>::infinity() : loss;
  };
  train::Trainer<float> trainer(
      run.model, run.adam, loader(), {},
      {.epochs = 1, .loss = explode, .progress = silent, .processes = &parallel});
  const std::string message = message_of<NumericError>([&] { trainer.run(); });
  const std::string expected =
      "train: expected a finite loss, got inf at epoch 1, step 1 of 6; the first that is not "
      "finite is the output of mul, behind layer 5";
  expect(message == expected, message, world.rank());
}

/// All hear of an auxiliary loss that is not finite in one process, and of weights that are not.
void check_nonfinite_elsewhere(const Communicator& world) {
  SmallRun<float> run;
  DataParallel<float> parallel(world, run.model, {.shards = shards});
  const auto explode = [&](const Variable<float>& logits, const data::Batch<float>&) {
    return sum(logits) * (world.leads() ? 0.0F : std::numeric_limits<float>::infinity());
  };
  train::TrainerOptions<float> options{.epochs = 1, .progress = silent, .processes = &parallel};
  if (world.size() > 1) {
    options.auxiliary = explode;
    train::Trainer<float> trainer(run.model, run.adam, loader(), {}, options);
    const std::string message = message_of<NumericError>([&] { trainer.run(); });
    expect(message.starts_with("train: expected a finite auxiliary loss, got "), message,
           world.rank());
  }
  options.auxiliary = {};
  options.save = [](const train::TrainingState&) {};
  options.after_step = [&](const train::TrainingState&) {
    run.model.parameters().back().mutable_value().mutable_data()[0] =
        std::numeric_limits<float>::quiet_NaN();
  };
  options.steps = 1;
  train::Trainer<float> saving(run.model, run.adam, loader(), {}, options);
  const std::string weights = message_of<NumericError>([&] { saving.run(); });
  expect(weights.starts_with("train: expected finite weights to save"), weights, world.rank());

  const Variable<float> outside(Tensor<float>::ones({2}), true);
  auto parameters = run.model.parameters();
  parameters.push_back(outside);
  optim::Adam<float> adam(parameters, {});
  const std::string more = message_of<ValueError>(
      [&] { train::Trainer<float>(run.model, adam, loader(), {}, options); });
  expect(more ==
             "train: expected an optimizer of the model's parameters alone, to share their "
             "gradients with other processes, got one more of shape (2,)",
         more, world.rank());
}

void check_errors(const Communicator& world) {
  SmallRun<float> run;
  const auto refused = [&](Index wanted) {
    return message_of<ValueError>(
        [&] { DataParallel<float>(world, run.model, {.shards = wanted}); });
  };
  expect(refused(6) == to_message("DataParallel: expected a power of two of shards, at least one "
                                  "for each of ",
                                  world.size(), " processes, got 6"),
         refused(6), world.rank());
  expect(world.size() == 1 || refused(1).ends_with("got 1"), refused(1), world.rank());
  const std::string buckets = message_of<ValueError>(
      [&] { DataParallel<float>(world, run.model, {.shards = 4, .bucket_bytes = 0}); });
  expect(buckets == "GradientReducer: expected buckets of a positive number of bytes, got 0",
         buckets, world.rank());
  if (world.size() == 1) {
    return;
  }
  const bool last = world.rank() == world.size() - 1;
  const std::string text = message_of<ValueError>(
      [&] { distributed::require_same(world, "options", last ? "lr 2" : "lr 1"); });
  expect(text == to_message("distributed: expected the same options on all ranks, got lr 1 on rank "
                            "0, lr 2 on rank ",
                            world.size() - 1),
         text, world.rank());
  Random random(1);
  nn::Linear<float> other(2, last ? 3 : 4, random);
  const std::string model = message_of<ValueError>([&] { DataParallel<float>(world, other); });
  expect(model == to_message("distributed: expected the same model on all ranks, got bias (4,) on "
                             "rank 0, bias (3,) on rank ",
                             world.size() - 1),
         model, world.rank());
  int value = 0;
  const std::string lost = message_of<distributed::CommunicationError>(
      [&] { world.broadcast(std::span<int>(&value, 1), 99); });
  expect(lost.starts_with("MPI: broadcast: "), lost, world.rank());
}

/// One process with one shard does what the trainer does alone.
void check_alone(const Communicator& world) {
  const auto shared = trained(world, {});
  SmallRun<float> run;
  train::Trainer<float> trainer(run.model, run.adam, loader(), small_loader<float>(),
                                {.epochs = 2, .progress = silent});
  trainer.run();
  expect(shared.digest == digest(run, trainer.state()), "one shard is not the trainer's own",
         world.rank());
}

/// What an optimizer and a run remember goes to all.
void check_broadcast(const Communicator& world) {
  SmallRun<float> run;
  train::TrainingState state;
  if (world.leads()) {
    train::Trainer<float> trainer(run.model, run.adam, loader(), {},
                                  {.epochs = 1, .progress = silent});
    trainer.run();
    state = trainer.state();
  }
  distributed::broadcast(world, run.model);
  distributed::broadcast(world, run.adam);
  distributed::broadcast(world, state);
  expect(state.epoch == 1 && state.history.size() == 1, "the state is another", world.rank());
  say(world, "broadcast", digest(run, state));
}

}  // namespace

int main(int argc, char** /*argv*/) {
  const Communicator world;
  if (argc > 1) {
    SmallRun<float> run;
    const std::string message =
        message_of<ValueError>([&] { DataParallel<float>(world, run.model); });
    expect(message ==
               to_message("DataParallel: expected 1, 2, 4, 8, ... processes, got ", world.size()),
           message, world.rank());
    return failures > 0 ? 1 : 0;
  }
  check_runs(world);
  check_stop(world);
  check_gradients(world);
  check_volume(world);
  check_evaluation(world);
  check_nonfinite(world);
  check_nonfinite_elsewhere(world);
  check_constants(world);
  check_order(world);
  check_errors(world);
  check_broadcast(world);
  check_synchronized(world);
  if (world.size() == 1) {
    check_failing_shard(world);
    check_alone(world);
  }
  return failures > 0 ? 1 : 0;
}
