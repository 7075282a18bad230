#pragma once

#include <functional>
#include <string>
#include <vector>

#include "inspect/network.hpp"
#include "inspect/receptive_field.hpp"

namespace inspect {

/// What a part of the network answers to images with, and where in the image its places look.
struct Answer {
  std::string name;  ///< in the names of pictures: stage2, stage2_sweep, stage1_tap, stage2_readout
  std::string title;  ///< for people
  std::string unit;   ///< what its channels are called
  /// Images (N, 32, 32, 3) -> maps (N, H, W, C), or features as maps of one place.
  std::function<Variable<float>(const Variable<float>&)> compute;
  ReceptiveField field;       ///< that the convolutions give a place
  bool sees_all = false;      ///< whether a place sees the whole image all the same
  bool is_recurrent = false;  ///< whether recurrent layers lie on the way
};

/// Features (N, F) as maps (N, 1, 1, F).
inline Variable<float> as_maps(const Variable<float>& features) {
  return reshape(features, {features.dim(0), 1, 1, features.dim(1)});
}

/// The answers of a stage, from 0 on: its map, and what the sweep or control behind it, a tap or a
/// read-out makes of that. `swept` tells whether a sweep lies before it.
inline std::vector<Answer> answers_of(const Network& network, std::size_t k, ReceptiveField field,
                                      bool swept) {
  const Stage& stage = network.stages()[k];
  const std::string name = to_message("stage", k + 1);
  const std::string title = to_message("Stage ", k + 1);
  const auto map = [&network, k](const auto& x) { return network.map_of(k, x); };
  std::vector<Answer> answers{{name, title, "map", map, field, swept, swept}};
  if (stage.sweep != nullptr) {
    const auto added = [=](const auto& x) {
      const auto before = map(x);
      return (*stage.sweep)(before)-before;
    };
    answers.push_back(
        {name + "_sweep", title + ", what the sweep adds", "map", added, field, true, true});
  }
  if (stage.control != nullptr) {
    answers.push_back({name + "_control", title + ", behind the control", "map",
                       [=](const auto& x) { return stage.behind(map(x)); },
                       behind(field, *stage.control), swept, swept});
  }
  const auto reader = [&](const char* what, const char* called, const auto& compute) {
    answers.push_back({name + what, title + called, "feature", compute, {}, true, true});
  };
  if (stage.rows != nullptr) {
    reader("_tap", ", the tap", [=, &network](const auto& x) {
      return as_maps((*stage.rows)(network.read_by_tap(map(x))));
    });
  }
  if (stage.readout != nullptr) {
    reader("_readout", ", the read-out",
           [=](const auto& x) { return as_maps((*stage.readout)(map(x))); });
  }
  return answers;
}

/// All answers of the chosen stages, which are counted from 1; without any, of all stages. Throws
/// ValueError for a stage that there is not.
inline std::vector<Answer> chosen_answers(const Network& network,
                                          const std::vector<Index>& chosen) {
  const Index count = std::ssize(network.stages());
  for (const Index stage : chosen) {
    cnnrnn::require<cnnrnn::ValueError>(stage >= 1 && stage <= count,
                                        "--stage: expected stages from 1 to ", count, ", got ",
                                        stage);
  }
  ReceptiveField field;
  if (network.stem() != nullptr) {
    field = behind(field, *network.stem());
  }
  std::vector<Answer> answers;
  bool swept = false;
  for (std::size_t k = 0; k < network.stages().size(); ++k) {
    field = behind(field, *network.stages()[k].layer);
    if (chosen.empty() || std::ranges::count(chosen, static_cast<Index>(k) + 1) > 0) {
      for (auto& answer : answers_of(network, k, field, swept)) {
        answers.push_back(std::move(answer));
      }
    }
    swept = swept || network.stages()[k].sweep != nullptr;
    if (network.stages()[k].control != nullptr) {
      field = behind(field, *network.stages()[k].control);
    }
  }
  return answers;
}

}  // namespace inspect
