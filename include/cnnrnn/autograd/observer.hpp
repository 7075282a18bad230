#pragma once

#include <string_view>
#include <vector>

#include "cnnrnn/core/tensor.hpp"

CNNRNN_NAMESPACE_BEGIN

template <class T>
class Variable;

/// Sees each operation on this thread while it lives: its name, what it takes and what it has made.
/// Without one, which is the rule, an operation asks for it and that is all.
template <class T>
class CNNRNN_SHARED Observer {
 public:
  Observer() : before_(current()) { current() = this; }
  virtual ~Observer() { current() = before_; }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void operation(std::string_view name, const std::vector<Variable<T>>& inputs,
                         const std::vector<Tensor<T>>& outputs) = 0;

  /// That of this thread; nullptr if there is none.
  static Observer*& current() {
    thread_local Observer* observer = nullptr;
    return observer;
  }

 private:
  Observer* before_;
};

CNNRNN_NAMESPACE_END
