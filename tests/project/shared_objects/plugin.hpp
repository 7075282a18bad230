#pragma once

#include <cstddef>

#include "cnnrnn/core/tensor.hpp"

/// What a shared object sees of that which exists once in a process or thread, and what it does.
struct Plugin {
  int (*threads)();
  void (*set_threads)(int count);
  bool (*grad_enabled)();
  bool (*fusion_enabled)();
  const void* (*observer)();
  std::size_t (*bytes_in_use)();
  void (*interrupt)();                ///< makes a train::Interrupt
  void (*fail)(int kind);             ///< throws the error of that number
  cnnrnn::Tensor<float> (*tensor)();  ///< makes one, with a loop
  void (*drop)(cnnrnn::Tensor<float>& tensor);
};

/// The only name that it exports itself.
extern "C" [[gnu::visibility("default")]] const Plugin cnnrnn_test_plugin;
