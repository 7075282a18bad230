#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN

template <class T>
class Variable;
template <class T>
class Record;

/// Sees each operation on this thread while it lives: its name, what it takes and what it has made;
/// and if it wants to, where modules begin and end, what is recorded, and what the backward pass
/// runs. Without one, which is the rule, an operation asks for it and that is all.
template <class T>
class CNNRNN_SHARED Observer {
 public:
  Observer() : before_(current()) { current() = this; }
  virtual ~Observer() { current() = before_; }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  /// An operation has run, with these inputs and outputs.
  virtual void operation(std::string_view name, const std::vector<Variable<T>>& inputs,
                         const std::vector<Tensor<T>>& outputs) = 0;

  /// A module begins, and ends, what it was called for; others may do so within.
  virtual void module_begins(const std::string& /*path*/) {}

  /// The module that began last has ended.
  virtual void module_ends() {}

  /// The operation just seen has gone on the tape.
  virtual void recorded(const Record<T>& /*record*/) {}

  /// Its backward function begins, and has ended.
  virtual void backward_begins(const Record<T>& /*record*/) {}

  /// Its backward function has ended.
  virtual void backward_ends(const Record<T>& /*record*/) {}

  /// The backward pass has added all it will to the gradient of a leaf.
  virtual void gradient_complete(const Record<T>& /*leaf*/) {}

  /// That of this thread; nullptr if there is none.
  static Observer*& current() {
    thread_local Observer* observer = nullptr;
    return observer;
  }

 protected:
  /// The one that saw things before this one, and will again.
  Observer* before() const { return before_; }

 private:
  Observer* before_;
};

CNNRNN_NAMESPACE_END
