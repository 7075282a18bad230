#pragma once

#include <filesystem>
#include <string>

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

  /// Says where a loss was not finite; not there in a run that is well.
  std::string diverged() const { return folder + "/diverged.txt"; }
};

/// Removes what an old run left of these files. Throws FileError.
inline void remove_files(std::initializer_list<std::string> files) {
  for (const auto& file : files) {
    std::error_code error;
    std::filesystem::remove(file, error);
    cnnrnn::require<cnnrnn::FileError>(!error, file, ": cannot remove: ", error.message());
  }
}

/// The configuration that a run in `folder` was started with. Throws FileError.
inline RunConfig read_config(const RunFolder& folder) {
  try {
    auto config = nlohmann::json::parse(read_text(folder.config()));
    if (config.is_object()) {  // a run from before it was a choice does not name it
      config.emplace("ignore_orientation", false);
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
  const auto changed =
      differences(config, now.get<RunConfig>(), {"epochs", "stop_at_train_accuracy", "data"});
  cnnrnn::require<cnnrnn::ValueError>(changed.empty(), "--resume: expected the options of ",
                                      folder.config(), ", got ",
                                      changed.empty() ? "" : changed.front());
  return now.get<RunConfig>();
}

}  // namespace program
