#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/core/random.hpp"
#include "cnnrnn/nn/fusion.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

template <class T>
class Module;

/// Walks over what modules list in visit(): override what you want to see. Names are paths as
/// PyTorch's state_dict has them: `stages.0.1.running_mean`.
template <class T>
class Visitor {
 public:
  Visitor() = default;
  virtual ~Visitor() = default;
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  /// Sees a parameter: what a module's visit() calls, once for each of its parts. Undefined ones
  /// are passed over.
  void operator()(std::string_view name, Variable<T>& part) {
    if (part.defined()) {
      parameter(path(name), part);
    }
  }
  /// Sees a buffer, such as running statistics: of float where parameters are bfloat16.
  void operator()(std::string_view name, Tensor<Accumulator<T>>& part) {
    if (part.defined()) {
      buffer(path(name), part);
    }
  }
  /// Sees a counter, such as num_batches_tracked.
  void operator()(std::string_view name, Tensor<Index>& part) { counter(path(name), part); }
  /// Sees a generator, such as that of dropout.
  void operator()(std::string_view name, Random& part) { random(path(name), part); }
  /// Sees a module, and by way of its visit() all of its parts.
  void operator()(std::string_view name, Module<T>& part) {
    const std::string outside = std::exchange(path_, path(name));
    part.set_path(path_);
    module(path_, part);
    path_ = outside;
  }
  /// Sees a module that is held by a pointer; a null one is passed over.
  template <class Part>
  requires std::is_base_of_v<Module<T>, Part>
  void operator()(std::string_view name, std::unique_ptr<Part>& part) {
    if (part != nullptr) {
      (*this)(name, static_cast<Module<T>&>(*part));
    }
  }
  /// Sees parts of one kind, which are numbered from 0: `name.0`.
  template <class Part>
  void operator()(std::string_view name, std::vector<Part>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      (*this)(to_message(name, '.', i), parts[i]);
    }
  }

 protected:
  /// Called for each parameter.
  virtual void parameter(const std::string& /*path*/, Variable<T>& /*value*/) {}
  /// Called for each buffer.
  virtual void buffer(const std::string& /*path*/, Tensor<Accumulator<T>>& /*value*/) {}
  /// Called for each counter.
  virtual void counter(const std::string& /*path*/, Tensor<Index>& /*value*/) {}
  /// Called for each generator.
  virtual void random(const std::string& /*path*/, Random& /*value*/) {}
  /// Called for each module; goes on to its parts.
  virtual void module(const std::string& path, Module<T>& part);

 private:
  std::string path(std::string_view name) const {
    return path_.empty() ? std::string(name) : to_message(path_, '.', name);
  }

  std::string path_;
};

/// A part of a network that owns parameters or a mode. It lists its parts once, in visit(), and its
/// parameters, state, mode and printing come from that list. A copy of a module shares its
/// parameters, as copies of variables do: build another one, and load the first one's state into
/// it.
template <class T>
class Module {
 public:
  virtual ~Module() = default;

  /// Calls visitor(name, part) for every parameter, buffer and module in it, in PyTorch's order.
  virtual void visit(Visitor<T>& visitor) = 0;

  /// The module and its options in a line: `Linear(64, 10)`.
  virtual std::string describe() const = 0;

  /// All parameters with their paths, in the order of the visit: one that several modules share is
  /// listed once, under its first path.
  std::vector<std::pair<std::string, Variable<T>>> named_parameters();

  /// The parameters of named_parameters(), for an optimizer.
  std::vector<Variable<T>> parameters();

  /// How many numbers the parameters hold.
  Index parameter_count();

  /// This module, under an empty path, and all modules in it with their paths, each once.
  std::vector<std::pair<std::string, Module*>> named_modules();

  /// The modules of named_modules().
  std::vector<Module*> modules();

  /// Chooses the behaviour of dropout and batch norm, here and in all parts.
  void train(bool training = true);

  /// Ends training mode, here and in all parts: train(false).
  void eval() { train(false); }

  /// Whether it is in training mode, as a new module is.
  bool training() const { return training_; }

  /// Puts this module and all parts into evaluation mode to stay: train(), of whatever module they
  /// are in, leaves them as they are, until keep_eval(false) of this module or a part gives that
  /// free. So the batch norms of a frozen network keep their statistics while the rest trains.
  /// PyTorch's train() would end an eval() of a part.
  void keep_eval(bool keep = true);

  /// Freezes all parameters, {false}, or has them trained again: see Variable::set_requires_grad.
  /// Optimizers pass over frozen ones, whether they were made before or after.
  void set_requires_grad(bool required);

  /// The same for the parameters whose path, such as `stages.0.weight`, is chosen.
  void set_requires_grad(bool required, const std::function<bool(const std::string& path)>& chosen);

  /// The same for the parameter or the part at `path`, as named_modules() has it: `stages.0`, or an
  /// empty path for the whole module. Throws ValueError when there is no parameter.
  void set_requires_grad(bool required, std::string_view path);

  /// Clears the gradients of all parameters.
  void zero_grad();

  /// Where it is in the outermost module whose parts have been listed since, as by parameters():
  /// `stages.0`. Empty before that.
  const std::string& path() const { return path_.text; }

  /// Runs body(), what the module is called for, and returns its result: an Error out of it gets
  /// the path in front of its message, and an Observer sees where it begins and ends. Layers do it
  /// in operator(), containers for their parts: `place` among them stands in for an unknown path.
  template <class Body>
  auto called(const Body& body, Index place = -1) const;

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) noexcept = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) noexcept = default;

 private:
  friend class Visitor<T>;

  /// Belongs to a module at its place: a copy is elsewhere.
  struct Path {
    Path() = default;
    ~Path() = default;
    Path(const Path& /*other*/) {}
    Path(Path&& /*other*/) noexcept {}
    Path& operator=(const Path& /*other*/) { return *this; }  // NOLINT: nothing is copied
    Path& operator=(Path&& /*other*/) noexcept { return *this; }

    std::string text;
  };

  /// The longest path is that in the outermost module.
  void set_path(const std::string& path) {
    if (path.size() > path_.text.size()) {
      path_.text = path;
    }
  }

  bool training_ = true;
  bool keeps_eval_ = false;
  Path path_;
};

/// A module that makes one activation of another, so that Sequential can hold it.
template <class T>
class Layer : public Module<T> {
 public:
  /// y of x. Throws ShapeError unless x has the shape that the layer takes.
  virtual Variable<T> operator()(const Variable<T>& x) = 0;

  /// Runs this layer, and in the same pass those of the layers behind it that it can take along:
  /// the values and the state are those of running each by itself. Containers call it.
  virtual Fused<T> fused(const Variable<T>& x, const NextLayers<T>& /*next*/) {
    return {(*this)(x)};
  }
};

template <class T>
void Visitor<T>::module(const std::string& /*path*/, Module<T>& part) {
  part.visit(*this);
}

namespace detail {

/// A call of a module, for an observer.
template <class T>
class CallScope {
 public:
  explicit CallScope(const std::string& path) : observer_(Observer<T>::current()) {
    if (observer_ != nullptr) {
      observer_->module_begins(path);
    }
  }
  ~CallScope() {
    if (observer_ != nullptr) {
      observer_->module_ends();
    }
  }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  Observer<T>* observer_;
};

template <class T>
class ParameterList : public Visitor<T> {
 public:
  std::vector<std::pair<std::string, Variable<T>>> found;

 private:
  void parameter(const std::string& path, Variable<T>& value) override {
    const bool is_new = !value.edge() || seen_.insert(value.edge().record.get()).second;
    if (is_new) {
      found.emplace_back(path, value);
    }
  }

  std::set<const Record<T>*> seen_;
};

template <class T>
class ModuleList : public Visitor<T> {
 public:
  explicit ModuleList(Module<T>& whole) { module("", whole); }

  std::vector<std::pair<std::string, Module<T>*>> found;

 private:
  void module(const std::string& path, Module<T>& part) override {
    if (seen_.insert(&part).second) {
      found.emplace_back(path, &part);
      part.visit(*this);
    }
  }

  std::set<const Module<T>*> seen_;
};

template <class T>
class Freezer : public Visitor<T> {
 public:
  Freezer(bool required, const std::function<bool(const std::string&)>& chosen)
      : required_(required), chosen_(chosen) {}

 private:
  void parameter(const std::string& path, Variable<T>& value) override {
    if (chosen_(path)) {
      value.set_requires_grad(required_);
    }
  }

  bool required_;
  const std::function<bool(const std::string&)>& chosen_;
};

template <class T>
class ModeSetter : public Visitor<T> {
 public:
  explicit ModeSetter(bool training) : training_(training) {}

 private:
  void module(const std::string& /*path*/, Module<T>& part) override { part.train(training_); }

  bool training_;
};

template <class T>
class Printer : public Visitor<T> {
 public:
  explicit Printer(std::ostream& out) : out_(out) {}

 private:
  void module(const std::string& path, Module<T>& part) override {
    const auto dot = path.rfind('.');
    const std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
    out_ << std::string(2 * depth_, ' ') << name << ": " << part.describe() << '\n';
    ++depth_;
    part.visit(*this);
    --depth_;
  }

  std::ostream& out_;
  std::size_t depth_ = 1;
};

}  // namespace detail

template <class T>
template <class Body>
auto Module<T>::called(const Body& body, Index place) const {
  const detail::CallScope<T> scope(path());
  try {
    return body();
  } catch (Error& error) {
    const std::string place_of_layer = path().empty() && place >= 0 ? to_message(place) : path();
    if (error.layer().empty() && !place_of_layer.empty()) {
      error.set_layer(place_of_layer);
    }
    throw;
  }
}

template <class T>
std::vector<std::pair<std::string, Variable<T>>> Module<T>::named_parameters() {
  detail::ParameterList<T> list;
  visit(list);
  return std::move(list.found);
}

template <class T>
std::vector<Variable<T>> Module<T>::parameters() {
  std::vector<Variable<T>> result;
  for (auto& [path, parameter] : named_parameters()) {
    result.push_back(parameter);
  }
  return result;
}

template <class T>
Index Module<T>::parameter_count() {
  Index count = 0;
  for (const auto& parameter : parameters()) {
    count += parameter.value().size();
  }
  return count;
}

template <class T>
std::vector<std::pair<std::string, Module<T>*>> Module<T>::named_modules() {
  return detail::ModuleList<T>(*this).found;
}

template <class T>
std::vector<Module<T>*> Module<T>::modules() {
  std::vector<Module*> result;
  for (const auto& [path, part] : named_modules()) {
    result.push_back(part);
  }
  return result;
}

template <class T>
void Module<T>::train(bool training) {
  training_ = training && !keeps_eval_;
  detail::ModeSetter<T> setter(training);
  visit(setter);
}

template <class T>
void Module<T>::keep_eval(bool keep) {
  for (Module* part : modules()) {
    part->keeps_eval_ = keep;
  }
  eval();
}

template <class T>
void Module<T>::set_requires_grad(bool required) {
  set_requires_grad(required, [](const std::string& /*path*/) { return true; });
}

template <class T>
void Module<T>::set_requires_grad(bool required,
                                  const std::function<bool(const std::string& path)>& chosen) {
  detail::Freezer<T> freezer(required, chosen);
  visit(freezer);
}

template <class T>
void Module<T>::set_requires_grad(bool required, std::string_view path) {
  const std::string whole(path);
  bool found = false;
  set_requires_grad(required, [&](const std::string& parameter) {
    const bool is_there = whole.empty() || parameter == whole || parameter.starts_with(whole + '.');
    found = found || is_there;
    return is_there;
  });
  require<ValueError>(found, "set_requires_grad: expected the path of a parameter or a part of ",
                      describe(), ", got ", path);
}

template <class T>
void Module<T>::zero_grad() {
  for (auto& parameter : parameters()) {
    parameter.zero_grad();
  }
}

/// Prints the module and its parts as a tree, a line each.
template <class T>
std::ostream& operator<<(std::ostream& out, Module<T>& module) {
  out << module.describe() << '\n';
  detail::Printer<T> printer(out);
  module.visit(printer);
  return out;
}

}  // namespace nn
CNNRNN_NAMESPACE_END
