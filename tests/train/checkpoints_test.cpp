#include "cnnrnn/train/checkpoints.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "cnnrnn/data/mix.hpp"
#include "support/catch.hpp"
#include "support/op_table.hpp"
#include "support/temporary_folder.hpp"
#include "train/small_run.hpp"

#if !defined(_WIN32)
#include "support/file_size_limit.hpp"
#endif

using namespace cnnrnn;
using Catch::Matchers::Contains;
using train::Ending;

namespace {

/// Trains `epochs` epochs with checkpoints in `folder`, stopping after so many batches if that is
/// not 0; the model's last file is what comes back.
template <class T>
std::string train_in(const std::string& folder, Index epochs, Index stop_after, bool resume) {
  SmallRun<T> run;
  train::Checkpoints<T> checkpoints(
      run.model, run.adam, {.folder = folder, .configuration = "a", .metadata = {{"rnn", "none"}}});
  Index batches = 0;
  train::TrainerOptions<T> options = {
      .epochs = epochs,
      .schedule = optim::one_cycle_schedule({.steps = 7 * epochs}),
      .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
      .stop = [&] { return ++batches == stop_after; },
      .progress = {.out = nullptr}};
  train::Trainer<T> trainer(run.model, run.adam, small_loader<T>(), small_loader<T>(), options);
  trainer.run(resume ? checkpoints.resume() : train::TrainingState{});
  return read_bytes(checkpoints.model_path());
}

/// The history without its two columns of time.
std::string without_times(const std::string& csv) {
  std::string result;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    result += line.substr(0, line.rfind(',', line.rfind(',') - 1)) + '\n';
  }
  return result;
}

}  // namespace

TEST_CASE("a resumed run ends in the same bytes as an uninterrupted one") {
  const TemporaryFolder whole;
  const auto expected = train_in<float>(whole.path(), 3, 0, false);
  const auto history = without_times(read_bytes(whole.file("history.csv")));
  CHECK(history.find("\n3,") != std::string::npos);
  CHECK(whole.files() == 3);
  const auto resume_file = io::read_safetensors(whole.file("resume.safetensors"));

  for (const Index stop_after : {1, 7, 30}) {  // in batches, and in tests between them
    CAPTURE(stop_after);
    const TemporaryFolder parts;
    CHECK(train_in<float>(parts.path(), 3, stop_after, false) != expected);
    train_in<float>(parts.path(), 3, 2, true);
    CHECK(train_in<float>(parts.path(), 3, 0, true) == expected);
    CHECK(without_times(read_bytes(parts.file("history.csv"))) == history);
    const auto file = io::read_safetensors(parts.file("resume.safetensors"));
    for (const auto& [name, any] : resume_file.tensors) {
      if (name != "run/history") {
        CHECK(std::visit(
            [&, &tensor_name = name](const auto& tensor) {
              using Kind = std::decay_t<decltype(tensor)>;
              const auto& other = std::get<Kind>(file.tensors.at(tensor_name));
              return std::equal(tensor.span().begin(), tensor.span().end(), other.data());
            },
            any));
      }
    }
    CHECK(train_in<float>(parts.path(), 3, 0, true) == expected);  // nothing is left to do
  }
}

namespace {

/// Trains two epochs with checkpoints in `folder`, or up to so many batches; the model's last file
/// is what comes back.
std::string train_model(nn::Sequential<float>& model, const std::string& folder, Index stop_after,
                        bool resume) {
  optim::Adam<float> adam(model.parameters());
  train::Checkpoints<float> checkpoints(model, adam, {.folder = folder});
  Index batches = 0;
  train::Trainer<float> trainer(
      model, adam, small_loader<float>(), std::nullopt,
      {.epochs = 2,
       .clip_norm = 1,
       .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
       .stop = [&] { return ++batches == stop_after; },
       .progress = {.out = nullptr}});
  trainer.run(resume ? checkpoints.resume() : train::TrainingState{});
  return read_bytes(checkpoints.model_path());
}

/// Whether a run that stops after five batches and is resumed ends as one that does not.
template <class Make>
bool resumes_exactly(const Make& make) {
  const auto train = [&](const std::string& folder, Index stop_after, bool resume) {
    auto model = make();
    return train_model(model, folder, stop_after, resume);
  };
  const TemporaryFolder whole;
  const auto expected = train(whole.path(), 0, false);
  const TemporaryFolder parts;
  CHECK(train(parts.path(), 5, false) != expected);
  return train(parts.path(), 0, true) == expected;
}

}  // namespace

namespace {

/// The same with mixed images, several loaders, a number of steps, and a moving average of the
/// weights that a hook takes and gives back: all that a run may have.
std::string train_with_everything(const std::string& folder, Index stop_after, bool resume) {
  SmallRun<float> run;
  auto average = nn::state_dict(run.model).clone();
  train::Checkpoints<float> checkpoints(
      run.model, run.adam,
      {.folder = folder,
       .put =
           [&](io::RunState& more) {
             for (const auto& [name, tensor] : average.tensors) {
               more.emplace("average." + name, tensor);
             }
           },
       .take =
           [&](const io::RunState& more) {
             for (auto& [name, tensor] : average.tensors) {
               const auto found = more.find("average." + name);
               require<ValueError>(found != more.end(), "expected an average of ", name);
               tensor.copy_from(std::get<Tensor<float>>(found->second));
             }
           }});
  const data::Loader<float> first(
      small_images(50),
      {.batch = 8,
       .shuffle = true,
       .transforms = {data::alternating_flip(),
                      data::random_crop({.padding = 1, .border = data::Border::reflect})},
       .threads = 2},
      {data::mixup<float>()});
  const data::Loader<float> second(small_images(40), {.batch = 9, .shuffle = true, .prefetch = 0},
                                   {data::cutmix<float>()});
  const std::vector<data::Loader<float>> loaders{first, second};
  Index batches = 0;
  train::TrainerOptions<float> options = {
      .steps = 20,
      .after_step =
          [&](const train::TrainingState& state) {
            auto now = nn::state_dict(run.model);
            for (auto& [name, own] : now.tensors) {
              Tensor<float>& mean = average.tensors.at(name);
              for (Index i = 0; i < own.size(); ++i) {
                mean.mutable_data()[i] += (own.data()[i] - mean.data()[i]) / 2;
              }
              if (state.step % 5 == 0) {
                own.copy_from(mean);
              }
            }
          },
      .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
      .stop = [&] { return ++batches == stop_after; },
      .progress = {.out = nullptr}};
  train::Trainer<float> trainer(run.model, run.adam, loaders, small_loader<float>(), options);
  trainer.run(resume ? checkpoints.resume() : train::TrainingState{});
  return read_bytes(checkpoints.model_path());
}

}  // namespace

TEST_CASE("a run with hooks, mixed images, several loaders and steps resumes exactly too") {
  const TemporaryFolder whole;
  const auto expected = train_with_everything(whole.path(), 0, false);
  for (const Index stop_after : {3, 13, 21}) {
    CAPTURE(stop_after);
    const TemporaryFolder parts;
    train_with_everything(parts.path(), stop_after, false);
    train_with_everything(parts.path(), 4, true);
    CHECK(train_with_everything(parts.path(), 0, true) == expected);
  }
}

TEST_CASE("what the further state of a run lacks is an error of the file") {
  const TemporaryFolder folder;
  train_in<float>(folder.path(), 1, 0, false);
  SmallRun<float> run;
  train::Checkpoints<float> checkpoints(
      run.model, run.adam,
      {.folder = folder.path(), .configuration = "a", .take = [](const io::RunState& more) {
         require<ValueError>(!more.empty(), "expected an average, got none");
       }});
  CHECK_THROWS_WITH(checkpoints.resume(),
                    folder.file("resume.safetensors") + ": expected an average, got none");
}

TEST_CASE("a run whose layers share weights goes on in the same bytes") {
  CHECK(resumes_exactly([] {
    Random random(1);
    const nn::Linear<float> shared(16, 16, random);
    return nn::Sequential<float>(nn::Flatten<float>(), shared, nn::Relu<float>(), shared,
                                 nn::Relu<float>(), nn::Linear<float>(16, 3, random));
  }));
}

TEST_CASE("a run with frozen layers goes on in the same bytes") {
  CHECK(resumes_exactly([] {
    SmallRun<float> run;
    run.model.set_requires_grad(false, "1");
    run.model.modules()[3]->keep_eval();
    return std::move(run.model);
  }));
}

TEST_CASE("a run whose layers were frozen goes on when they no longer are") {
  SmallRun<float> run;
  const TemporaryFolder folder;
  run.model.set_requires_grad(false, "1");
  train_model(run.model, folder.path(), 5, false);
  run.model.set_requires_grad(true);
  const auto before = nn::state_dict(run.model).clone();
  train_model(run.model, folder.path(), 0, true);
  const auto after = nn::state_dict(run.model);
  CHECK_FALSE(std::ranges::equal(after.tensors.at("1.weight").span(),
                                 before.tensors.at("1.weight").span()));
}

TEST_CASE("a run of which no label counts measures nothing and can be resumed") {
  const TemporaryFolder folder;
  SmallRun<float> run;
  auto images = small_images(20);
  images.labels = Tensor<Index>::full({20}, data::unlabelled);
  const data::Loader<float> loader(images, {.batch = 8});
  train::Checkpoints<float> checkpoints(run.model, run.adam, {.folder = folder.path()});
  const auto train_to = [&](Index epochs, const train::TrainingState& from) {
    train::Trainer<float> trainer(
        run.model, run.adam, loader, loader,
        {.epochs = epochs,
         .save = [&](const train::TrainingState& state) { checkpoints.save(state); },
         .progress = {.out = nullptr}});
    trainer.run(from);
  };
  train_to(1, {});
  train_to(2, checkpoints.resume());
  const auto history = checkpoints.resume().history;
  REQUIRE(history.size() == 2);
  for (const auto& row : history) {
    CHECK(std::isnan(row.train_loss));
    CHECK(std::isnan(row.train_accuracy));
    CHECK(std::isnan(row.test_loss));
    CHECK(std::isnan(row.test_accuracy));
  }
  CHECK(without_times(read_bytes(folder.file("history.csv"))).ends_with("\n1,,,,\n2,,,,\n"));
  const auto metrics = train::evaluate(run.model, loader);
  CHECK(metrics.images == 0);
  CHECK(std::isnan(metrics.loss()));
}

TEST_CASE("the published model is a plain state dict with its configuration") {
  const TemporaryFolder folder;
  train_in<float>(folder.path(), 1, 0, false);
  SmallRun<float> run(9);
  CHECK(io::load(folder.file("checkpoint.safetensors"), run.model).metadata ==
        io::Metadata{{"rnn", "none"}});
}

TEST_CASE("the state of a run comes back exactly") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const TemporaryFolder folder;
  SmallRun<float> run;
  train::Checkpoints<float> checkpoints(run.model, run.adam, {.folder = folder.path()});
  checkpoints.save({.epoch = 1,
                    .batch = 5,
                    .running = {0.1, 3, 40},
                    .seconds = 1.5,
                    .history = {{1, 0.1, 0.2, nan, 0.4, 1e-300, 6}}});
  const auto state = checkpoints.resume();
  CHECK(state.epoch == 1);
  CHECK(state.batch == 5);
  CHECK(state.running.loss_sum == 0.1);
  CHECK(state.running.correct == 3);
  CHECK(state.running.images == 40);
  CHECK(state.seconds == 1.5);
  REQUIRE(state.history.size() == 1);
  CHECK(state.history[0].epoch == 1);
  CHECK(state.history[0].train_loss == 0.1);
  CHECK(std::isnan(state.history[0].test_loss));
  CHECK(state.history[0].seconds == 1e-300);
}

TEST_CASE("a checkpoint of another run is refused and changes nothing") {
  const TemporaryFolder folder;
  train_in<float>(folder.path(), 1, 3, false);
  const std::string path = folder.file("resume.safetensors");
  const auto good = io::read_safetensors(path);

  SmallRun<float> run(9);
  const auto before = nn::state_dict(run.model).clone();
  const auto refused = [&](optim::Optimizer<float>& optimizer, const std::string& configuration) {
    train::Checkpoints<float> checkpoints(
        run.model, optimizer, {.folder = folder.path(), .configuration = configuration});
    std::string message = "no error";
    try {
      checkpoints.resume();
    } catch (const FileError& error) {
      message = error.what();
    }
    CHECK(nn::state_dict(run.model).random_states == before.random_states);
    CHECK(run.model.parameters()[0].value()(0, 0) == before.tensors.at("1.weight")(0, 0));
    const std::string start = path + ": ";
    REQUIRE(message.starts_with(start));
    return message.substr(start.size());
  };
  CHECK(refused(run.adam, "b") == "expected a checkpoint of the configuration b, got \"a\"");
  CHECK(refused(run.adam, "{}") == "expected a checkpoint of the configuration {}, got \"a\"");
  optim::Adam<float> faster(run.model.parameters(), {.learning_rate = 0.02});
  CHECK(refused(faster, "a") == "expected a checkpoint of the optimizer " + faster.describe() +
                                    ", got \"" + run.adam.describe() + '"');

  const auto with = [&](const auto& change) {
    auto file = good;
    change(file);
    io::write_safetensors(path, file);
    return refused(run.adam, "a");
  };
  const auto put = [&](const char* name, const io::AnyTensor& tensor) {
    return with([&](auto& f) { f.tensors[name] = tensor; });
  };
  const auto without = [&](const char* name) {
    return with([&](auto& f) { f.tensors.erase(name); });
  };
  CHECK(with([](auto& f) { f.metadata.clear(); }) ==
        "expected a checkpoint of the format cnnrnn checkpoint 1, got none");
  CHECK(with([](auto& f) { f.metadata["model"] = "CnnRnn"; }) ==
        "expected a checkpoint of the model Sequential, got \"CnnRnn\"");
  // Configurations in JSON: entry by entry.
  const auto configured = [&](const std::string& then, const std::string& now) {
    auto file = good;
    file.metadata["configuration"] = then;
    io::write_safetensors(path, file);
    return refused(run.adam, now);
  };
  CHECK(configured(R"({"epochs":3,"old":[],"same":0})", R"({"epochs":5,"new":"x","same":0})") ==
        "expected a checkpoint of the same configuration, got another: \"epochs\": 3 then, 5 now; "
        "\"new\": none then, \"x\" now; \"old\": [] then, none now");
  CHECK(configured(R"({"a":1)", R"({"a":2})") ==
        R"(expected a checkpoint of the configuration {"a":2}, got "{\"a\":1")");
  const std::string deep(100'000, '[');
  CHECK(configured("{\"a\":" + deep + std::string(deep.size(), ']') + '}', R"({"a":2})")
            .starts_with("expected a checkpoint of the same configuration, got another: \"a\": "));
  CHECK(configured("{\"a\":\"" + deep + "\"}", R"({"a":2})").size() < 200);
  CHECK(without("model/1.bias") == "expected the tensors of Sequential, got 1 missing: 1.bias");
  CHECK(without("random/4.random") ==
        "expected the states of the model's random generators, got none");
  CHECK(put("random/4.random", Tensor<Index>::zeros({3})) ==
        "random state \"4.random\": expected 4 words, got (3,)");
  CHECK(put("random/4.random", Tensor<Index>::zeros({4})) ==
        "random state \"4.random\": expected words that are not all 0, got only 0");
  CHECK(without("optimizer/0.exp_avg") == "Adam: expected a state with 0.exp_avg, got none");
  CHECK(put("optimizer/0.step", Tensor<Index>::zeros({2})) ==
        "tensor \"0.step\": expected one number, got (2,)");
}

TEST_CASE("a model file is no checkpoint to go on from, and a missing one is an error") {
  const TemporaryFolder folder;
  SmallRun<float> run;
  train::Checkpoints<float> checkpoints(run.model, run.adam, {.folder = folder.file("a/b")});
  CHECK_THROWS_WITH(checkpoints.resume(), Contains("cannot open: No such file"));
  io::save(checkpoints.resume_path(), run.model);
  CHECK_THROWS_WITH(checkpoints.resume(), Contains("expected a checkpoint of the format cnnrnn"));
  io::save_checkpoint(checkpoints.resume_path(), run.model, run.adam, "", {});
  CHECK_THROWS_WITH(checkpoints.resume(), checkpoints.resume_path() +
                                              ": expected the position of a training run, got "
                                              "none");
  const std::string file = folder.file("file");
  write_bytes(file, "");
  CHECK_THROWS_WITH(train::Checkpoints<float>(run.model, run.adam, {.folder = file}),
                    file + ": expected a folder or the right to make one, got Not a directory");
}

TEST_CASE("a state that no run can have is refused") {
  const TemporaryFolder folder;
  SmallRun<float> run;
  train::Checkpoints<float> checkpoints(run.model, run.adam, {.folder = folder.path()});
  checkpoints.save({.epoch = 1,
                    .batch = 5,
                    .running = {0.5, 3, 40},
                    .seconds = 1.5,
                    .history = {{1, 0.1, 0.2, 0.3, 0.4, 5, 6}}});
  const std::string path = checkpoints.resume_path();
  const auto good = io::read_safetensors(path);
  const auto with = [&](const std::string& name, const io::AnyTensor& tensor) {
    return [&, name, tensor] {
      auto file = good;
      file.tensors["run/" + name] = tensor;
      io::write_safetensors(path, file);
      checkpoints.resume();
    };
  };
  const auto history = [](double epoch, double loss) {
    return Tensor<double>({1, 7}, {epoch, loss, 0.2, 0.3, 0.4, 5, 6});
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<BadCall> bad_calls = {
      throws<FileError>(with("counts", Tensor<double>({2}, {3, 40})),
                        path + ": expected the counts of a training run, got none"),
      throws<FileError>(with("sums", Tensor<double>({3}, {0.5, 1.5, 0})),
                        path + ": expected a position (2,), counts (2,), sums (2,) and a history "
                               "(N, 7), got (2,), (2,), (3,) and (1, 7)"),
      throws<FileError>(with("position", Tensor<Index>({2}, {2, 5})),
                        path + ": expected a history of 2 epochs, got 1"),
      throws<FileError>(with("position", Tensor<Index>({2}, {1, -1})),
                        path + ": expected a batch of 0 or more and 0 <= right answers <= images < "
                               "2^62, got batch -1, 3 of 40"),
      throws<FileError>(with("counts", Tensor<Index>({2}, {41, 40})),
                        path + ": expected a batch of 0 or more and 0 <= right answers <= images < "
                               "2^62, got batch 5, 41 of 40"),
      throws<FileError>(with("sums", Tensor<double>({2}, {0.5, -1})),
                        path + ": expected a finite loss and 0 or more seconds, got 0.5 and -1"),
      throws<FileError>(with("sums", Tensor<double>({2}, {nan, 1.5})),
                        path + ": expected a finite loss and 0 or more seconds, got nan and 1.5"),
      throws<FileError>(with("history", history(2, 0.1)),
                        path + ": expected epoch 1 with its loss and accuracy, got 2, 0.1 and 0.2"),
      throws<FileError>(with("history", history(1, nan)),
                        path + ": expected epoch 1 with its loss and accuracy, got 1, nan and "
                               "0.2"),
      throws<FileError>(
          with("history", Tensor<double>({1, 7}, {1, 0.1, 0.2, nan, nan, -5, 6})),
          path + ": expected epoch 1 with 0 or more seconds and images, got -5 and 6"),
      throws<FileError>(with("history", Tensor<double>({1, 7}, {1, 0.1, 0.2, nan, inf, 5, 6})),
                        path + ": expected epoch 1 with a finite test or none, got nan and inf")};
  auto weight = run.model.parameters()[0];
  weight.mutable_value().mutable_data()[0] = 7;
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
    CHECK(weight.value().data()[0] == 7);
  }
}

#if !defined(_WIN32)
TEST_CASE("saving on a full disk leaves the former checkpoint") {
  const TemporaryFolder folder;
  train_in<float>(folder.path(), 1, 3, false);
  const std::string before = read_bytes(folder.file("resume.safetensors"));

  std::string message;
  try {
    const FileSizeLimit limit(4096);
    train_in<float>(folder.path(), 1, 0, true);
  } catch (const FileError& error) {
    message = error.what();
  }

  CHECK_THAT(message, Contains("cannot write: File too large"));
  CHECK(read_bytes(folder.file("resume.safetensors")) == before);
  CHECK(folder.files() == 3);
}
#endif
