// Opens shared objects that share no symbols, and expects one library in all of them.
#include <dlfcn.h>

#include <cnnrnn/cnnrnn.hpp>
#include <cnnrnn/core/scratch.hpp>
#include <iostream>
#include <string>
#include <thread>

#include "plugin.hpp"

using namespace cnnrnn;

namespace {

bool passed = true;

void expect(bool holds, const std::string& what) {
  if (!holds) {
    std::cout << "failed: " << what << std::endl;
    passed = false;
  }
}

struct Opened {
  explicit Opened(const char* path) : handle(::dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      throw std::runtime_error(::dlerror());
    }
    plugin = static_cast<const Plugin*>(::dlsym(handle, "cnnrnn_test_plugin"));
  }
  void close() { ::dlclose(handle); }

  void* handle;
  const Plugin* plugin;
};

template <class E>
bool throws(const Plugin& plugin, int kind) {
  try {
    plugin.fail(kind);
  } catch (const E&) {
    return true;
  } catch (...) {
  }
  return false;
}

class NoObserver : public Observer<float> {
  void operation(std::string_view, const std::vector<Variable<float>>&,
                 const std::vector<Tensor<float>>&) override {}
};

void expect_one_library(const Plugin& plugin, const Plugin& other) {
  set_threads(3);
  expect(plugin.threads() == 3, "the program's set_threads");
  plugin.set_threads(2);
  expect(threads() == 2 && other.threads() == 2, "a shared object's set_threads");
  {
    const NoGradGuard no_grad;
    expect(!plugin.grad_enabled(), "NoGradGuard");
  }
  expect(plugin.grad_enabled(), "the end of NoGradGuard");
  {
    const nn::NoFusionGuard no_fusion;
    expect(!plugin.fusion_enabled(), "NoFusionGuard");
  }
  {
    const NoObserver observer;
    expect(plugin.observer() == &observer, "Observer");
  }
  {
    const train::Interrupt interrupt;
    try {
      plugin.interrupt();
      expect(false, "a second Interrupt");
    } catch (const ValueError&) {
    }
  }
  expect(throws<ShapeError>(plugin, 0), "ShapeError");
  expect(throws<ValueError>(plugin, 1), "ValueError");
  expect(throws<FileError>(plugin, 2), "FileError");
  expect(throws<GraphError>(plugin, 3), "GraphError");
  expect(throws<NumericError>(plugin, 4), "NumericError");
  expect(throws<Error>(plugin, 4), "Error");
}

void expect_one_cache(const Plugin& plugin, const Plugin& other) {
  const auto before = CachingAllocator::instance().statistics().bytes_in_use;
  Tensor<float> tensor = plugin.tensor();
  const auto with = CachingAllocator::instance().statistics().bytes_in_use;
  expect(with >= before + (4 << 20) && plugin.bytes_in_use() == with, "the statistics");
  other.drop(tensor);
  expect(other.bytes_in_use() <= with - (4 << 20), "a tensor that another has made");
}

}  // namespace

int main(int, char** arguments) {
  Opened first(arguments[1]);
  Opened second(arguments[2]);
  expect_one_library(*first.plugin, *second.plugin);
  expect_one_library(*second.plugin, *first.plugin);
  expect_one_cache(*first.plugin, *second.plugin);

  // The thread's scratch goes when it ends: after the shared object is closed whose code made it.
  std::thread([&] {
    first.plugin->tensor();
    first.close();
  }).join();
  second.close();
  return passed ? 0 : 1;
}
