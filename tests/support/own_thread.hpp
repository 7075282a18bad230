#pragma once

#include <thread>

#include "cnnrnn/core/parallel.hpp"

/// Runs body, with its loops, on one thread that ends with it, and with which its scratch goes.
template <class Body>
void on_own_thread(const Body& body) {
  cnnrnn::set_threads(1);
  std::thread(body).join();
  cnnrnn::set_threads(0);
}
