#pragma once

#include <algorithm>
#include <functional>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include "cnnrnn/core/text.hpp"
#include "cnnrnn/ops/softmax.hpp"

namespace program {

/// Prints a file's most probable classes in a line, `top` of them, from its logits (1, K).
inline void print_best_classes(const std::string& file, const cnnrnn::Variable<float>& logits,
                               const std::vector<std::string>& class_names, cnnrnn::Index top) {
  using namespace cnnrnn;
  const auto p = softmax(logits).value();
  std::vector<Index> order(class_names.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::sort(order, {}, [&](Index k) { return std::pair(-p(0, k), k); });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  std::cout << printable(file) << ':' << std::fixed << std::setprecision(1);
  for (const Index k : order) {
    std::cout << (k == order.front() ? " " : ", ") << class_names[static_cast<std::size_t>(k)]
              << ' ' << 100 * p(0, k) << '%';
  }
  std::cout << std::endl;
}

}  // namespace program
