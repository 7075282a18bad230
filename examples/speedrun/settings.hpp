#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "program/run_folder.hpp"
#include "speedrun/recipe.hpp"

namespace speedrun {

/// Everything that decides what a run computes; config.json holds it.
struct Config {
  std::string program = "cifar10_speedrun";
  std::string data = "auto";
  std::string data_kind = "auto";
  int target = 94;
  std::string optimizer = "sgd";
  double epochs = 0;        ///< 0: as the recipe has them
  cnnrnn::Index batch = 0;  ///< 0: as the recipe has it
  std::uint64_t seed = 0;
  cnnrnn::Index holdout = 0;        ///< training images that take the place of the test images
  cnnrnn::Index limit = 0;          ///< images of each part; 0: all
  std::string rnn = "none";         ///< cell of a sweep
  cnnrnn::Index after = 2;          ///< the group that the sweep is behind, from 1 on
  std::string precision = "float";  ///< of parameters, activations and gradients
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Config, program, data, data_kind, target, optimizer, epochs,
                                   batch, seed, holdout, limit, rnn, after, precision)

/// The entries that were not a choice once, with the values they had: older files lack them.
inline nlohmann::json older_entries() {
  return {{"rnn", "none"}, {"after", 2}, {"precision", "float"}};
}

/// The recipe of a configuration. Throws ValueError for a pair of target and optimizer, or a cell,
/// that does not exist.
inline Recipe recipe_for(const Config& config) {
  Recipe recipe = recipe_for(config.target, config.optimizer);
  if (config.rnn != "none") {
    recipe.rnn = cnnrnn::nn::cell_named(config.rnn);
  }
  cnnrnn::require<cnnrnn::ValueError>(
      1 <= config.after && config.after <= 3 && (recipe.rnn || config.after == 2),
      "--after: expected a group from 1 to 3 that an --rnn is behind, got ", config.after,
      " and rnn ", config.rnn);
  recipe.after = config.after;
  return recipe;
}

struct Options {
  Config config;
  std::set<std::string> given;  ///< entries of the configuration that the user named
  std::string out = "runs/speedrun";
  int threads = 0;
  bool resume = false;
  bool overwrite = false;
  cnnrnn::Index checkpoint_every = 0;  ///< batches; 0: at the end of each epoch only
};

/// What a run in a folder was started with, but for where its data lies, if that is asked for now.
/// Throws FileError without a run, ValueError when anything else differs.
inline Config resumed_config(const program::RunFolder& folder, const Options& options) {
  using namespace cnnrnn;
  require<FileError>(os::kind_of_file(folder.config()) != os::FileKind::none, folder.config(),
                     ": expected the configuration of a run to go on with, found none; begin one "
                     "without --resume");
  nlohmann::json then = older_entries();
  try {
    then.update(nlohmann::json::parse(program::read_text(folder.config())));
    static_cast<void>(then.get<Config>());
  } catch (const nlohmann::json::exception& error) {
    throw FileError(folder.config() + ": expected a configuration, got " + error.what());
  }
  const nlohmann::json asked = options.config;
  nlohmann::json now = then;
  for (const std::string& name : options.given) {
    now[name] = asked.at(name);
  }
  std::string text;
  for (const auto& change : program::differences(then, now, {"data", "data_kind"})) {
    text += (text.empty() ? "" : "; ") + change;
  }
  require<ValueError>(text.empty(), "--resume: expected the options of ", folder.config(), ", got ",
                      text, ". Leave these options out, or begin a new run in another --out");
  return now.get<Config>();
}

}  // namespace speedrun
