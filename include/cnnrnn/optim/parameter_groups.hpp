#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cnnrnn/nn/module.hpp"
#include "cnnrnn/optim/optimizer.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace optim {

/// Parameters chosen by path, such as `stages.0.weight`, or by shape, and what holds for them; see
/// ParameterGroup.
template <class T>
struct GroupRule {
  /// Whether it holds for a parameter.
  std::function<bool(const std::string& path, const Variable<T>& parameter)> chosen;
  std::optional<double> learning_rate = {};  ///< none: the optimizer's own
  std::optional<double> weight_decay = {};   ///< none: the optimizer's own
  Schedule schedule = {};                    ///< multiplies the learning rate
};

/// All parameters of a module in groups: group i has what rule i is the first to choose, and a last
/// one has the rest. Throws ValueError for a rule that is left with nothing, as one with a mistyped
/// name is.
///
///   const auto groups = optim::parameter_groups<float>(model, {{
///       .chosen = [](const std::string&, const auto& p) { return p.rank() == 1; },
///       .weight_decay = 0}});
template <class T>
std::vector<ParameterGroup<T>> parameter_groups(nn::Module<T>& module,
                                                const std::vector<GroupRule<T>>& rules) {
  std::vector<ParameterGroup<T>> groups;
  for (const auto& rule : rules) {
    groups.push_back({{}, rule.learning_rate, rule.weight_decay, rule.schedule});
  }
  groups.emplace_back();
  for (const auto& [path, parameter] : module.named_parameters()) {
    std::size_t group = 0;
    while (group < rules.size() && !rules[group].chosen(path, parameter)) {
      ++group;
    }
    groups[group].parameters.push_back(parameter);
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    require<ValueError>(!groups[i].parameters.empty(),
                        "parameter_groups: expected rules that choose parameters of ",
                        module.describe(), ", got rule ", i, " that chooses none");
  }
  return groups;
}

}  // namespace optim
CNNRNN_NAMESPACE_END
