#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/random.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of gradcheck.
struct GradcheckOptions {
  double epsilon = 1e-6;             ///< half the step of the central difference
  double absolute_tolerance = 1e-5;  ///< |analytic - numeric| may be this ...
  double relative_tolerance = 1e-3;  ///< ... plus this times |numeric|
  std::uint64_t seed = 1;            ///< of the random upstream gradients
};

/// What gradcheck has found.
struct GradcheckResult {
  bool passed = false;   ///< whether every comparison was within the tolerances
  bool trusted = false;  ///< false when all gradients are all but zero: then nothing was checked
  std::string log;       ///< a line a comparison, with its worst element

  /// Whether all gradients agree and some of them were large enough to tell.
  explicit operator bool() const { return passed && trusted; }
};

/// A function of any number of inputs and outputs.
using GradcheckFunction =
    std::function<std::vector<Variable<double>>(const std::vector<Variable<double>>&)>;

namespace detail {

/// The checks of one function at one point; see gradcheck.
class Gradcheck {
 public:
  Gradcheck(const GradcheckFunction& function, const std::vector<Tensor<double>>& inputs,
            const GradcheckOptions& options)
      : function_(function), inputs_(inputs), options_(options) {
    Random random(options.seed);
    for (const auto& output : evaluate()) {
      auto upstream = Tensor<double>(output.shape());
      for (double& value : upstream.mutable_span()) {
        value = random.normal();
      }
      upstream_.push_back(upstream);
    }
  }

  GradcheckResult run() {
    differentiate();
    const auto outputs = upstream_.size();
    const std::vector<bool> all_outputs(outputs, true);
    const std::vector<bool> all_inputs(inputs_.size(), true);
    compare("all outputs", all_outputs, all_inputs, 1);
    compare("all outputs, twice", all_outputs, all_inputs, 2);
    for (std::size_t output = 0; outputs > 1 && output < outputs; ++output) {
      compare(to_message("output ", output), only(output, outputs), all_inputs, 1);
    }
    for (std::size_t input = 0; inputs_.size() > 1 && input < inputs_.size(); ++input) {
      compare(to_message("input ", input, " alone"), all_outputs, only(input, inputs_.size()), 1);
    }
    const bool trusted = largest_ > options_.absolute_tolerance;
    if (!trusted) {
      log_ << "cannot be trusted: the largest gradient is " << largest_ << '\n';
    }
    return {passed_, trusted, log_.str()};
  }

 private:
  static std::vector<bool> only(std::size_t one, std::size_t count) {
    std::vector<bool> chosen(count);
    chosen[one] = true;
    return chosen;
  }

  std::vector<Tensor<double>> evaluate() const {
    const NoGradGuard no_grad;
    std::vector<Tensor<double>> values;
    for (const auto& output :
         function_(std::vector<Variable<double>>(inputs_.begin(), inputs_.end()))) {
      values.push_back(output.value().clone());
    }
    return values;
  }

  /// numeric_[output][input][element]: d <upstream, output> / d element, by central differences.
  void differentiate() {
    numeric_.resize(upstream_.size());
    for (auto& input : inputs_) {
      for (auto& by_input : numeric_) {
        by_input.push_back(Tensor<double>(input.shape()));
      }
      for (Index element = 0; element < input.size(); ++element) {
        const double x = input.data()[element];
        input.mutable_data()[element] = x + options_.epsilon;
        const auto above = evaluate();
        input.mutable_data()[element] = x - options_.epsilon;
        const auto below = evaluate();
        input.mutable_data()[element] = x;
        for (std::size_t output = 0; output < upstream_.size(); ++output) {
          numeric_[output].back().mutable_data()[element] =
              slope(upstream_[output], above[output], below[output]);
        }
      }
    }
  }

  double slope(const Tensor<double>& upstream, const Tensor<double>& above,
               const Tensor<double>& below) const {
    double sum = 0;
    for (Index i = 0; i < upstream.size(); ++i) {
      sum += upstream.data()[i] * (above.data()[i] - below.data()[i]);
    }
    return sum / (2 * options_.epsilon);
  }

  /// Backward `repeats` times without clearing, against the numeric gradient times `repeats`.
  void compare(const std::string& what, const std::vector<bool>& outputs,
               const std::vector<bool>& inputs, int repeats) {
    std::vector<Variable<double>> leaves;
    for (std::size_t input = 0; input < inputs_.size(); ++input) {
      leaves.emplace_back(inputs_[input], inputs[input]);
    }
    for (int pass = 0; pass < repeats; ++pass) {
      backpropagate(leaves, outputs);
    }
    for (std::size_t input = 0; input < inputs_.size(); ++input) {
      if (inputs[input]) {
        compare(what, input, leaves[input].grad(), outputs, repeats);
      }
    }
  }

  void backpropagate(const std::vector<Variable<double>>& leaves,
                     const std::vector<bool>& outputs) const {
    const auto results = function_(leaves);
    std::vector<Edge<double>> roots;
    std::vector<Tensor<double>> gradients;
    for (std::size_t output = 0; output < outputs.size(); ++output) {
      if (outputs[output] && results[output].requires_grad()) {
        roots.push_back(results[output].edge());
        gradients.push_back(upstream_[output]);
      }
    }
    spoil_free_memory();
    cnnrnn::backward(roots, gradients);
  }

  /// Leaves NaN in the memory that gradients are about to get, so that a backward function shows
  /// when it does not store every element, or adds where it should store.
  void spoil_free_memory() const {
    constexpr int blocks = 4;
    std::vector<Tensor<double>> spoiled;
    for (const auto& input : inputs_) {
      for (int block = 0; block < blocks; ++block) {
        spoiled.push_back(
            Tensor<double>::full(input.shape(), std::numeric_limits<double>::quiet_NaN()));
      }
    }
  }

  void compare(const std::string& what, std::size_t input, const Tensor<double>& analytic,
               const std::vector<bool>& outputs, int repeats) {
    double worst = -1;
    std::ostringstream worst_line;
    bool passed = true;
    for (Index element = 0; element < inputs_[input].size(); ++element) {
      double expected = 0;
      for (std::size_t output = 0; output < outputs.size(); ++output) {
        expected += outputs[output] ? repeats * numeric_[output][input].data()[element] : 0;
      }
      const double got = analytic.defined() ? analytic.data()[element] : 0;
      const double error = std::abs(got - expected);
      const double excess =
          error / (options_.absolute_tolerance + options_.relative_tolerance * std::abs(expected));
      passed = passed && excess <= 1;  // false for NaN too
      largest_ = std::max(largest_, std::abs(expected));
      if (!(excess <= worst)) {
        worst = excess;
        worst_line = std::ostringstream();
        worst_line << "element " << element << ": analytic " << got << ", numeric " << expected;
      }
    }
    passed_ = passed_ && passed;
    log_ << (passed ? "ok    " : "WRONG ") << what << ", input " << input << ' '
         << inputs_[input].shape() << ", worst " << worst_line.str() << '\n';
  }

  GradcheckFunction function_;
  std::vector<Tensor<double>> inputs_;
  GradcheckOptions options_;
  std::vector<Tensor<double>> upstream_;
  std::vector<std::vector<Tensor<double>>> numeric_;
  std::ostringstream log_;
  bool passed_ = true;
  double largest_ = 0;
};

}  // namespace detail

/// Checks the recorded gradients of `function` at `inputs` against central differences, in double:
/// for random upstream gradients of all outputs together and of each alone, with all inputs
/// requiring a gradient and each alone, and that a second pass adds to the first. The function must
/// be deterministic and smooth near the inputs: keep them away from kinks.
inline GradcheckResult gradcheck(const GradcheckFunction& function,
                                 const std::vector<Tensor<double>>& inputs,
                                 const GradcheckOptions& options = {}) {
  std::vector<Tensor<double>> own;
  own.reserve(inputs.size());
  for (const auto& input : inputs) {
    own.push_back(input.clone());
  }
  return detail::Gradcheck(function, own, options).run();
}

CNNRNN_NAMESPACE_END
