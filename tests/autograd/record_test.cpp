#include "cnnrnn/autograd/record.hpp"

#include <pthread.h>

#include <functional>
#include <memory>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// Runs the function on a thread with a stack of 1 MB.
void on_small_stack(std::function<void()> function) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, 1 << 20) == 0);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, &function) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr int long_chain = 300000;
constexpr int deep_enough = 50000;  // to overflow the small stack, were there any recursion

Variable<float> chain(const Variable<float>& x, int length) {
  auto y = x;
  for (int i = 0; i < length; ++i) {
    y = y + 1.0F;
  }
  return y;
}

}  // namespace

TEST_CASE("a chain of 300,000 records runs and frees on a 1 MB stack") {
  float value = 0;
  float gradient = 0;
  on_small_stack([&] {
    const Variable<float> x(Tensor<float>::scalar(0), true);
    const auto y = chain(x, long_chain);
    value = y.item();
    y.backward();
    gradient = x.grad().item();
  });
  CHECK(value == long_chain);
  CHECK(gradient == 1);
}

TEST_CASE("a chain that never ran backward frees on a 1 MB stack") {
  std::weak_ptr<Record<float>> first;
  on_small_stack([&] {
    const Variable<float> x(Tensor<float>::scalar(0), true);
    auto y = x * x;
    first = y.edge().record;
    y = chain(y, deep_enough);
  });
  CHECK(first.expired());
}

TEST_CASE("a long ladder, two records to the step, frees on a 1 MB stack") {
  std::weak_ptr<Record<float>> first;
  on_small_stack([&] {
    const Variable<float> x(Tensor<float>::scalar(1), true);
    auto a = x * 1.0F;
    auto b = x * 1.0F;
    first = a.edge().record;
    for (int i = 0; i < deep_enough; ++i) {
      const auto next = a + b;
      b = a * b;
      a = next;
    }
  });
  CHECK(first.expired());
}

TEST_CASE("a part of a graph that someone holds survives the rest") {
  const Variable<float> x(Tensor<float>::scalar(2), true);
  Variable<float> middle;
  {
    middle = chain(x * x, 10);
    const auto end = chain(middle, 10);
  }
  middle.backward();
  CHECK(x.grad().item() == 4);
}

TEST_CASE("a leaf has no inputs and keeps one gradient") {
  const auto leaf = Record<float>::leaf({2, 3});
  CHECK(leaf->is_leaf());
  const Edge<float> edge{leaf, 0};
  CHECK(edge.shape() == Shape{2, 3});
  CHECK_FALSE(edge.gradient().defined());
}

TEST_CASE("the first contribution to a gradient is taken as it is, the next one is added") {
  const Edge<float> edge{Record<float>::leaf({2}), 0};
  const Tensor<float> first({2}, {1, 2});
  edge.add(first);
  CHECK(edge.gradient().shares_memory_with(first));
  edge.add(Tensor<float>({2}, {10, 20}));
  CHECK_FALSE(edge.gradient().shares_memory_with(first));
  CHECK(first(1) == 2);
  CHECK(edge.gradient()(1) == 22);
  CHECK_THROWS_WITH(edge.add(Tensor<float>::ones({3})),
                    "expected a gradient of shape (2,), got (3,)");
}

TEST_CASE("a kernel is told to store the first time and to add later") {
  const Edge<float> edge{Record<float>::leaf({2}), 0};
  const auto first = edge.writable();
  CHECK_FALSE(first.accumulate);
  CHECK(first.values.size() == 2);
  first.put(0, 1);
  first.put(1, 2);
  const auto second = edge.writable();
  CHECK(second.accumulate);
  CHECK(second.data() == first.data());
}

TEST_CASE("an input that needs no gradient has an empty span") {
  const auto record = std::make_shared<Record<float>>(
      "test", std::vector<Edge<float>>{{}, {Record<float>::leaf({2}), 0}}, std::vector<Shape>{{2}},
      nullptr);
  Gradients<float> gradients(*record);
  CHECK_FALSE(gradients.needs(0));
  CHECK_FALSE(gradients.dx(0).needed());
  CHECK(gradients.needs(1));
  CHECK(gradients.dx(1).needed());
  CHECK_FALSE(gradients.dy().defined());
}

TEST_CASE("a gradient may take the memory of the one it is made from") {
  const Edge<float> leaf{Record<float>::leaf({2}), 0};
  Record<float> record("test", {leaf}, {{2}}, nullptr);
  record.gradients[0] = Tensor<float>({2}, {1, 2});
  Gradients<float> gradients(record);
  const auto dx = gradients.dx_over_dy();
  CHECK_FALSE(dx.accumulate);
  CHECK(dx.data() == gradients.dy().data());
  CHECK(leaf.gradient().shares_memory_with(gradients.dy()));
}

TEST_CASE("but not if someone else holds that, or something is to be added to") {
  const Edge<float> leaf{Record<float>::leaf({2}), 0};
  Record<float> record("test", {leaf, leaf}, {{2}}, nullptr);
  const Tensor<float> held({2}, {1, 2});
  record.gradients[0] = held;
  Gradients<float> first(record);
  const auto fresh = first.dx_over_dy();
  CHECK(fresh.data() != held.data());
  CHECK_FALSE(fresh.accumulate);
  CHECK(first.dx_over_dy(1).data() != fresh.data());  // one gradient in two parts

  record.gradients[0] = held.clone();
  Gradients<float> second(record);
  CHECK(second.dx_over_dy().accumulate);

  const Edge<float> larger{Record<float>::leaf({3}), 0};
  Record<float> reducing("test", {larger}, {{2}}, nullptr);
  reducing.gradients[0] = held.clone();
  Gradients<float> third(reducing);
  CHECK(third.dx_over_dy().values.size() == 3);
}
