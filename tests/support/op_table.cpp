#include "support/op_table.hpp"

#include "cnnrnn/autograd/gradcheck.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/same_bytes.hpp"

using namespace cnnrnn;

namespace {

using Problems = std::vector<std::string>;

template <class T>
struct Results {
  Tensors<T> outputs, gradients;
};

/// Forward, and backward from the given upstream gradients or from random ones.
template <class T>
Results<T> run(const OpCase& c, const Tensors<double>& upstream = {}) {
  const auto leaves = leaves_of<T>(c.inputs);
  const auto outputs = c.op(leaves);
  Results<T> results;
  std::vector<Edge<T>> roots;
  Tensors<T> gradients;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    results.outputs.push_back(outputs[i].value());
    if (outputs[i].requires_grad()) {
      roots.push_back(outputs[i].edge());
      gradients.push_back(upstream.empty() ? random_tensor<T>(outputs[i].shape(), 100 + i)
                                           : upstream[i].to<T>());
    }
  }
  backward(roots, gradients);
  for (const auto& leaf : leaves) {
    results.gradients.push_back(leaf.grad());
  }
  return results;
}

template <class T>
void compare(const std::string& what, const Tensors<T>& actual, const Tensors<double>& expected,
             double tolerance, Problems& problems) {
  if (actual.size() != expected.size()) {
    problems.push_back(
        to_message("expected ", expected.size(), ' ', what, "s, got ", actual.size()));
    return;
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto found = difference(actual[i], expected[i].to<T>(), tolerance);
    if (!found.empty()) {
      problems.push_back(
          to_message(what, ' ', i, sizeof(T) == 4 ? " in float: " : " in double: ", found));
    }
  }
}

template <class T>
void check_values(const OpCase& c, double tolerance, Problems& problems) {
  if (c.reference) {
    const NoGradGuard inference;
    Tensors<T> got;
    for (const auto& output : c.op(leaves_of<T>(c.inputs))) {
      got.push_back(output.value());
    }
    compare("output", got, c.reference(c.inputs), tolerance, problems);
  }
}

template <class T>
void check_pytorch(const OpCase& c, double tolerance, Problems& problems) {
  if (!c.pytorch.outputs.empty()) {
    const auto got = run<T>(c, c.pytorch.upstream);
    compare("PyTorch's output", got.outputs, c.pytorch.outputs, tolerance, problems);
    compare("PyTorch's gradient", got.gradients, c.pytorch.gradients, tolerance, problems);
  }
}

/// The seed is none that inputs are made from: a batch norm, for one, has hardly a gradient where
/// the upstream gradient is the input itself.
GradcheckResult check_gradients(const OpCase& c) {
  return gradcheck([&](const Variables<double>& v) { return c.op(v); }, c.inputs, {.seed = 1000});
}

/// Outputs and gradients in float must have the same bytes on 1, 2 and 3 threads.
void check_threads(const OpCase& c, Problems& problems) {
  const auto on_threads = [&](int count) {
    set_threads(count);
    auto [all, gradients] = run<float>(c);
    set_threads(0);
    all.insert(all.end(), gradients.begin(), gradients.end());
    return all;
  };
  const auto one = on_threads(1);
  for (const int count : {2, 3}) {
    const auto more = on_threads(count);
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (!same_bytes(one[i], more[i])) {
        problems.push_back(to_message("result ", i, ": other bytes on ", count, " threads"));
      }
    }
  }
}

Problems check_case(const OpCase& c) {
  Problems problems;
  check_values<double>(c, c.tolerance.in_double, problems);
  check_values<float>(c, c.tolerance.in_float, problems);
  check_pytorch<double>(c, 1e-9, problems);
  check_pytorch<float>(c, 1e-4, problems);
  if (c.gradcheck == Gradcheck::yes) {
    if (const auto result = check_gradients(c); !result) {
      problems.push_back("gradients\n" + result.log);
    }
  }
  check_threads(c, problems);
  return problems;
}

template <class T>
Variable<T> with_wrong_gradient(const Variable<T>& x) {
  return record<T>("wrong", {x}, x.value(), [](Gradients<T>& g) {
    auto dx = g.dy().clone();
    for (T& value : dx.mutable_span()) {
      value *= T(1.01);
    }
    g.give(0, dx);
  });
}

/// The case with all outputs one percent, and a little, too large.
OpCase with_wrong_values(OpCase c) {
  c.op = Op([op = c.op](auto v) {
    auto outputs = op(v);
    for (auto& output : outputs) {
      auto value = output.value().clone();
      for (auto& element : value.mutable_span()) {
        element += element / 100 + decltype(+element)(0.01);
      }
      output = {value, output.edge()};
    }
    return outputs;
  });
  return c;
}

/// What the checks of a case would let pass.
Problems check_sensitivity(const OpCase& c) {
  Problems problems;
  Problems wrong_values;
  check_values<double>(with_wrong_values(c), c.tolerance.in_double, wrong_values);
  if (c.reference && wrong_values.empty()) {
    problems.push_back("a wrong value would pass");
  }
  for (std::size_t input = 0; input < c.inputs.size(); ++input) {
    OpCase wrong = c;
    wrong.op = Op([op = c.op, input](auto v) {
      v[input] = with_wrong_gradient(v[input]);
      return op(v);
    });
    if (check_gradients(wrong)) {
      problems.push_back(to_message("a wrong gradient of input ", input, " would pass"));
    }
  }
  return problems;
}

Problems check_bad_call(const std::string& name, const BadCall& bad) {
  Problems problems;
  if (const auto outcome = bad.outcome(); outcome != bad.message) {
    problems.push_back("got " + outcome);
  }
  const auto holds = [&](const char* word) { return bad.message.find(word) != std::string::npos; };
  const auto speaker = bad.message.substr(0, bad.message.find(": "));
  if (speaker.empty() || !name.starts_with(speaker) || !holds("expected") || !holds("got")) {
    problems.push_back("expected a message with the name, what was expected and what came");
  }
  return problems;
}

Index elements(const OpCase& c) {
  Index sum = 0;
  for (const auto& input : c.inputs) {
    sum += input.size();
  }
  return sum;
}

}  // namespace

OpCase pytorch_case(const Fixture& fixture, const std::string& name,
                    const std::vector<std::string>& inputs, Op op) {
  const auto get = [&](const std::string& key) {
    std::string folder = name + '/';
    while (!folder.empty() && !fixture.has(folder + key)) {
      folder.pop_back();
      const auto slash = folder.rfind('/');
      folder.resize(slash == std::string::npos ? 0 : slash + 1);
    }
    return fixture.get<double>(folder + key);
  };
  OpCase c{.name = name, .inputs = {}, .op = std::move(op)};
  for (const auto& input : inputs) {
    c.inputs.push_back(get(input));
    c.pytorch.gradients.push_back(get('d' + input));
  }
  c.pytorch.outputs = {get("y")};
  c.pytorch.upstream = {get("dy")};
  return c;
}

std::vector<std::string> problems(const std::string& name, const std::vector<OpCase>& cases,
                                  const std::vector<BadCall>& bad_calls) {
  Problems all;
  const auto report = [&](const std::string& place, const Problems& found) {
    for (const auto& problem : found) {
      all.push_back(to_message(name, ", ", place, ": ", problem));
    }
  };
  const OpCase* smallest = nullptr;
  bool compared = false;
  for (const auto& c : cases) {
    report(c.name, check_case(c));
    compared = compared || c.reference || !c.pytorch.outputs.empty();
    if (c.gradcheck == Gradcheck::yes && (!smallest || elements(c) < elements(*smallest))) {
      smallest = &c;
    }
  }
  if (!compared || smallest == nullptr) {
    report("table", {"expected a case with values to compare with, and one for gradcheck"});
  } else {
    report(smallest->name, check_sensitivity(*smallest));
  }
  for (const auto& bad : bad_calls) {
    report(bad.message, check_bad_call(name, bad));
  }
  return all;
}

void check_op(const std::string& name, const std::vector<OpCase>& cases,
              const std::vector<BadCall>& bad_calls) {
  for (const auto& problem : problems(name, cases, bad_calls)) {
    FAIL_CHECK(problem);
  }
  SUCCEED(name);
}
