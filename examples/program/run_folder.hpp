#pragma once

#include <string>
#include <vector>

#include "cnnrnn/system/files.hpp"
#include "program/settings.hpp"
#include "program/text_file.hpp"

namespace program {

/// The files of a run in its folder.
struct RunFolder {
  std::string folder;

  std::string config() const { return folder + "/config.json"; }
  std::string resume() const { return folder + "/resume.safetensors"; }
  std::string model() const { return folder + "/checkpoint.safetensors"; }
  std::string history() const { return folder + "/history.csv"; }
  std::string unreadable() const { return folder + "/unreadable.txt"; }

  /// Says where a loss was not finite; not there in a run that is well.
  std::string diverged() const { return folder + "/diverged.txt"; }
};

/// Removes what an old run left of these files. Throws FileError.
inline void remove_files(std::initializer_list<std::string> files) {
  for (const auto& file : files) {
    std::error_code error;
    cnnrnn::os::remove_file(file, error);
    cnnrnn::require<cnnrnn::FileError>(!error, file,
                                       ": cannot remove: ", cnnrnn::os::reason(error));
  }
}

/// The configuration that a run in `folder` was started with. Throws FileError.
inline RunConfig read_config(const RunFolder& folder) {
  cnnrnn::require<cnnrnn::FileError>(
      cnnrnn::os::kind_of_file(folder.config()) != cnnrnn::os::FileKind::none, folder.config(),
      ": expected the configuration of a run to go on with, found "
      "none; begin one without --resume");
  try {
    auto config = nlohmann::json::parse(read_text(folder.config()));
    if (config.is_object()) {
      const nlohmann::json older = older_entries();
      for (const auto& [name, value] : older.items()) {
        config.emplace(name, value);
      }
    }
    return config.get<RunConfig>();
  } catch (const nlohmann::json::exception& error) {
    throw cnnrnn::FileError(folder.config() + ": expected a configuration, got " + error.what());
  }
}

/// What a resumed run computes: as it was started, but for what is now asked for of its length and
/// of where the data lies. `given` are the entries of `asked` that count. Throws ValueError when
/// any other differs.
inline RunConfig resumed_config(const RunFolder& folder, const RunConfig& asked,
                                const std::set<std::string>& given) {
  const RunConfig config = read_config(folder);
  const nlohmann::json wanted = asked;
  nlohmann::json now = config;
  for (const std::string& name : given) {
    const bool of_model = wanted["model"].contains(name);
    (of_model ? now["model"] : now)[name] = (of_model ? wanted["model"] : wanted).at(name);
  }
  std::set<std::string> free{"stop_at_train_accuracy", "data", "data_kind", "skip_unreadable"};
  const bool scheduled = config.schedule != "constant";
  if (!scheduled) {
    free.insert("epochs");
  }
  const auto changed = differences(config, now, free);
  std::string text;
  for (const std::string& change : changed) {
    const bool of_epochs = scheduled && change.starts_with("epochs: ");
    text += (text.empty() ? "" : "; ") + change +
            (of_epochs ? " (the schedule " + config.schedule + " was made for them)" : "");
  }
  cnnrnn::require<cnnrnn::ValueError>(
      changed.empty(), "--resume: expected the options of ", folder.config(), ", got ", text,
      ". Leave these options out, or begin a new run in another --out");
  return now.get<RunConfig>();
}

}  // namespace program
