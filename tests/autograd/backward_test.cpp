#include "cnnrnn/autograd/backward.hpp"

#include <new>
#include <string>
#include <vector>

#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

Variable<double> leaf(double value) { return {Tensor<double>::scalar(value), true}; }

/// (2 x, 3 x); how often its backward function ran is counted.
std::vector<Variable<double>> twofold(const Variable<double>& x, int& runs) {
  const double value = x.item();
  return record<double>("twofold", {x},
                        {Tensor<double>::scalar(2 * value), Tensor<double>::scalar(3 * value)},
                        [&runs](Gradients<double>& g) {
                          ++runs;
                          double dx = g.dy(0).defined() ? 2 * g.dy(0).item() : 0;
                          dx += g.dy(1).defined() ? 3 * g.dy(1).item() : 0;
                          g.dx().put(0, dx);
                        });
}

}  // namespace

TEST_CASE("a variable used many times collects all its gradients") {
  const auto x = leaf(3);
  auto y = x + x;
  for (int i = 0; i < 5; ++i) {
    y = y + x;
  }
  y.backward();
  CHECK(x.grad().item() == 7);
}

TEST_CASE("an observer hears of each leaf once, as soon as its gradient is complete") {
  class Listener : public Observer<double> {
   public:
    std::vector<std::string> heard;

   private:
    void operation(std::string_view /*name*/, const std::vector<Variable<double>>& /*inputs*/,
                   const std::vector<Tensor<double>>& /*outputs*/) override {}
    void backward_ends(const Record<double>& record) override { heard.push_back(record.name); }
    void gradient_complete(const Record<double>& leaf) override {
      heard.push_back(to_message("gradient ", leaf.gradients.front().item()));
    }
  };
  const auto early = leaf(3);
  const auto late = leaf(5);
  const auto y = (early * leaf(2)) * late + late;
  Listener listener;
  y.backward();
  CHECK(listener.heard ==
        std::vector<std::string>{"add", "mul", "gradient 7", "mul", "gradient 10", "gradient 15"});
}

TEST_CASE("a record runs once, after all its uses") {
  int runs = 0;
  const auto x = leaf(3);
  const auto parts = twofold(x, runs);
  const auto deep = parts[0] * parts[0] * parts[0];  // 8 x^3
  (deep + parts[0] + parts[1]).backward();           // + 2 x + 3 x
  CHECK(runs == 1);
  CHECK(x.grad().item() == 24 * 9 + 5);
}

TEST_CASE("an output that is not used has no gradient") {
  for (const std::size_t used : {std::size_t{0}, std::size_t{1}}) {
    int runs = 0;
    const auto x = leaf(3);
    twofold(x, runs)[used].backward();
    CHECK(runs == 1);
    CHECK(x.grad().item() == (used == 0 ? 2 : 3));
  }
}

TEST_CASE("diamonds of diamonds run each record once") {
  const auto x = leaf(1);
  auto y = x * 1.0;
  constexpr int levels = 60;  // 2^60 paths
  for (int i = 0; i < levels; ++i) {
    y = (y * 0.5) + (y * 0.5);
  }
  y.backward();
  CHECK(x.grad().item() == 1);
}

TEST_CASE("mul(x, x) adds both parts of the gradient") {
  const Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  for (int pass = 1; pass <= 2; ++pass) {
    sum(mul(x, x)).backward();
    CHECK(x.grad()(0) == 6 * pass);
    CHECK(x.grad()(1) == 8 * pass);
  }
}

TEST_CASE("a gradient given and one written for the same variable are both there, in any order") {
  for (const bool write_first : {false, true}) {
    const auto x = leaf(3);
    const auto y = record<double>("mixed", {x, x}, Tensor<double>::scalar(1),
                                  [write_first](Gradients<double>& g) {
                                    if (write_first) {
                                      const auto dx = g.dx(0);
                                      g.give(1, Tensor<double>::scalar(10));
                                      dx.put(0, 1);
                                    } else {
                                      g.give(1, Tensor<double>::scalar(10));
                                      g.dx(0).put(0, 1);
                                    }
                                  });
    y.backward();
    CHECK(x.grad().item() == 11);
  }
}

TEST_CASE("a second backward is an error unless the graph was kept") {
  const auto x = leaf(3);
  const auto y = x * x;
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(x.grad().item() == 12);
  CHECK_THROWS_WITH(y.backward(),
                    "backward of mul: expected a recorded graph, got one that a backward pass has "
                    "freed (keep it with {.retain_graph = true})");
  CHECK_THROWS_AS((y + 1.0).backward(), GraphError);
}

TEST_CASE("a graph that was kept gives the same gradients again") {
  int runs = 0;
  auto x = leaf(3);
  const auto parts = twofold(x, runs);
  const auto y = parts[0] * parts[1] + parts[0];
  for (int pass = 0; pass < 3; ++pass) {
    x.zero_grad();
    y.backward({.retain_graph = true});
    CHECK(x.grad().item() == 38);
  }
  CHECK(runs == 3);
}

TEST_CASE("backward frees what was saved") {
  const Variable<double> x(Tensor<double>::ones({3}), true);
  Tensor<double> kept = Tensor<double>::ones({3});
  const auto y = sum(x * Variable<double>(kept));
  CHECK_FALSE(kept.unique());
  y.backward();
  CHECK(kept.unique());
}

TEST_CASE("a given gradient is not changed by what is added later") {
  const Variable<double> x(Tensor<double>({2}, {3, 4}), true);
  const Tensor<double> dy({2}, {1, 1});
  (x + x).backward(dy);
  (x + 1.0).backward(dy);
  x.backward(dy);
  x.backward(dy);
  CHECK(dy(0) == 1);
  CHECK(x.grad()(0) == 5);
}

TEST_CASE("a gradient that someone holds is not changed by the next backward") {
  const auto x = leaf(3);
  (x * x).backward();
  const auto held = x.grad();
  (x * x).backward();
  CHECK(held.item() == 6);
  CHECK(x.grad().item() == 12);
}

TEST_CASE("terms of one sum do not share their gradient's memory") {
  Variable<double> a = leaf(1);
  Variable<double> b = leaf(2);
  (a + b).backward();
  (a * 2.0).backward();
  CHECK(a.grad().item() == 3);
  CHECK(b.grad().item() == 1);
}

TEST_CASE("several roots, one an ancestor of the other, run together") {
  int runs = 0;
  const auto x = leaf(3);
  const auto parts = twofold(x, runs);
  const auto top = parts[0] * parts[0];
  const auto one = Tensor<double>::scalar(1);
  backward<double>({parts[0].edge(), top.edge(), parts[1].edge()}, {one, one, one});
  CHECK(runs == 1);
  CHECK(x.grad().item() == 8 * 3 + 2 + 3);
}

TEST_CASE("several outputs of one record as roots run it once, and what is before it too") {
  int runs = 0;
  const auto x = leaf(3);
  const auto y = x * 1.0;
  const auto parts = twofold(y, runs);
  const auto other = y * 4.0;
  const auto one = Tensor<double>::scalar(1);
  backward<double>({other.edge(), parts[0].edge(), parts[1].edge()}, {one, one, one});
  CHECK(runs == 1);
  CHECK(x.grad().item() == 2 + 3 + 4);
}

TEST_CASE("two gradients of one variable may be asked for before either is stored") {
  const auto x = leaf(3);
  const auto y =
      record<double>("both", {x, x}, Tensor<double>::scalar(1), [](Gradients<double>& g) {
        const auto first = g.dx(0);
        const auto second = g.dx(1);
        second.put(0, 1);
        first.put(0, 10);
      });
  y.backward();
  CHECK(x.grad().item() == 11);
}

TEST_CASE("inputs that need no gradient get none") {
  const auto x = leaf(3);
  const Variable<double> constant(Tensor<double>::scalar(5));
  (x * constant).backward();
  CHECK(x.grad().item() == 5);
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("a gradient of the wrong shape is reported with the operation") {
  const auto x = leaf(3);
  const auto y = record<double>("careless", {x}, Tensor<double>::scalar(1),
                                [](Gradients<double>& g) { g.give(0, Tensor<double>::ones({2})); });
  CHECK_THROWS_WITH(y.backward(),
                    "backward of careless: expected a gradient of shape (), got (2,)");
}

TEST_CASE("roots that do not fit are refused before anything is added") {
  const auto x = leaf(3);
  const auto y = x * x;
  const auto one = Tensor<double>::scalar(1);
  CHECK_THROWS_WITH(backward<double>({y.edge(), y.edge()}, {one}),
                    "backward: expected a gradient for each root, got 1 for 2");
  CHECK_THROWS_WITH(
      backward<double>({y.edge(), {}}, {one, one}),
      "backward: expected a result that depends on a leaf with a gradient, got a constant");
  CHECK_THROWS_WITH(backward<double>({y.edge(), y.edge()}, {one, Tensor<double>::ones({2})}),
                    "backward: expected a gradient of shape (), got (2,)");
  CHECK_THROWS_AS(backward<double>({y.edge(), y.edge()}, {one, {}}), ShapeError);
  y.backward();
  CHECK(x.grad().item() == 6);
}

TEST_CASE("a backward function that throws leaves nothing behind in a graph that was kept") {
  auto x = leaf(3);
  bool fail = true;
  const auto y =
      record<double>("flaky", {x * 2.0}, Tensor<double>::scalar(6), [&fail](Gradients<double>& g) {
        g.give(0, g.dy());
        if (fail) {
          throw std::bad_alloc();
        }
      });
  CHECK_THROWS_AS(y.backward({.retain_graph = true}), std::bad_alloc);
  fail = false;
  x.zero_grad();
  y.backward();
  CHECK(x.grad().item() == 2);
}
