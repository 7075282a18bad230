#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "support/fixture.hpp"
#include "support/leaves.hpp"
#include "support/op.hpp"
#include "support/random_tensor.hpp"

// A table for each op: cases that feed the tests of its values, of its gradients and of the bits on
// any number of threads, and calls that must throw.

using Op = OpOf<float, double>;

/// What an op is to give, in double: a function of Tensors<double> that gives a tensor, several, or
/// what other ops make of them.
class Reference {
 public:
  Reference() = default;
  template <class F>
  requires(!std::same_as<F, Reference>)
      Reference(F function)  // NOLINT: a row of a table holds the bare function
      : function_([function](const Tensors<double>& in) { return several(function(in)); }) {}

  explicit operator bool() const { return static_cast<bool>(function_); }
  Tensors<double> operator()(const Tensors<double>& in) const { return function_(in); }

 private:
  static Tensors<double> several(const cnnrnn::Tensor<double>& one) { return {one}; }
  static Tensors<double> several(const cnnrnn::Variable<double>& one) { return {one.value()}; }
  static Tensors<double> several(Tensors<double> all) { return all; }
  static Tensors<double> several(const Variables<double>& all) {
    Tensors<double> values;
    for (const auto& one : all) {
      values.push_back(one.value());
    }
    return values;
  }

  std::function<Tensors<double>(const Tensors<double>&)> function_;
};

/// Of the largest element, or of 1.
struct Tolerance {
  double in_double = 1e-12;
  double in_float = 1e-5;
};

/// Outputs, their upstream gradients and the gradients of the inputs, as PyTorch found them.
struct FromPyTorch {
  Tensors<double> outputs, upstream, gradients;
};

/// Why a case may go without central differences: too many elements, gradients that are all zero,
/// or outputs that have none.
enum class Gradcheck { yes, too_large, all_zero, constants };

struct OpCase {
  std::string name;
  Tensors<double> inputs;
  Op op;
  Reference reference = {};
  Tolerance tolerance = {};
  Gradcheck gradcheck = Gradcheck::yes;
  FromPyTorch pytorch = {};
};

/// A call that must throw, and the whole message.
struct BadCall {
  std::string message;
  std::function<std::string()> outcome;  ///< the message that came, or what came instead
};

/// A call that must throw an E with that message.
template <class E>
BadCall throws(std::function<void()> call, std::string message) {
  return {std::move(message), [call = std::move(call)]() -> std::string {
            try {
              call();
            } catch (const E& error) {
              return error.what();
            } catch (const std::exception& error) {
              return cnnrnn::to_message("an exception of another kind: ", error.what());
            }
            return "no exception";
          }};
}

/// A case of a fixture: inputs, outputs NAME/y and gradients NAME/dx of an input x. What is not
/// there may be one or more levels above: a/b/x, a/x or x.
OpCase pytorch_case(const Fixture& fixture, const std::string& name,
                    const std::vector<std::string>& inputs, Op op);

/// All that is wrong, a line each:
/// - a value that is not the reference's or PyTorch's, in float or in double, a gradient that is
///   not PyTorch's or that of central differences (see gradcheck), bits that depend on the number
///   of threads;
/// - a bad call that does not throw what it should, or a message without the name in front (or how
///   it begins: linear may speak for linear_relu), what was expected and what came;
/// - a table that could not fail: without cases, without a reference, or one whose checks do not
///   notice a value or the gradient of an input that is one percent too large.
std::vector<std::string> problems(const std::string& name, const std::vector<OpCase>& cases,
                                  const std::vector<BadCall>& bad_calls);

/// Fails the test for each of the problems. The name is that of the op or the module: a test of the
/// project asks for a table of every one.
void check_op(const std::string& name, const std::vector<OpCase>& cases,
              const std::vector<BadCall>& bad_calls = {});
