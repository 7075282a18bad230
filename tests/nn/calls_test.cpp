// What a module tells about its calls: its path in errors, and where the time goes.
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv2d.hpp"
#include "cnnrnn/nn/flatten.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/lstm.hpp"
#include "cnnrnn/nn/pooling.hpp"
#include "cnnrnn/nn/profiler.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/catch.hpp"
#include "support/op_table.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;

namespace {

/// A residual block whose second convolution may not fit the first.
class Block : public nn::Layer<float> {
 public:
  Block(Index inner, Random& random)
      : first_(4, 4, {.padding = 1}, random), second_(inner, 4, {.padding = 1}, random) {}
  Variable<float> operator()(const Variable<float>& x) override {
    return second_(norm_.relu(first_(x))) + x;
  }
  void visit(nn::Visitor<float>& visitor) override {
    visitor("conv1", first_);
    visitor("norm", norm_);
    visitor("conv2", second_);
  }
  std::string describe() const override { return "Block"; }

 private:
  nn::Conv2d<float> first_, second_;
  nn::BatchNorm2d<float> norm_{4};
};

class Network : public nn::Layer<float> {
 public:
  explicit Network(Index inner, Index features = 64)
      : layers_(nn::Conv2d<float>(3, 4, {.padding = 1}, random_), nn::MaxPool2d<float>(),
                Block(inner, random_)),
        head_(nn::Flatten<float>(), nn::Linear<float>(features, 2, random_)) {}
  Variable<float> operator()(const Variable<float>& x) override { return head_(layers_(x)); }
  void visit(nn::Visitor<float>& visitor) override {
    visitor("layers", layers_);
    visitor("head", head_);
  }
  std::string describe() const override { return "Network"; }

 private:
  Random random_{1};
  nn::Sequential<float> layers_, head_;
};

Variable<float> images(const Shape& shape = {2, 8, 8, 3}) { return random_tensor<float>(shape, 1); }

template <class E>
void check_throws(const std::function<void()>& call, const std::string& message) {
  const auto bad = throws<E>(call, message);
  CHECK(bad.outcome() == bad.message);
}

}  // namespace

TEST_CASE("an error in a layer says where in the network that is") {
  Network bad_block(5);
  check_throws<ShapeError>([&] { bad_block(images()); },
                           "2: conv2d: expected input channels 5, got (2, 4, 4, 4)");
  bad_block.parameters();  // from here on modules know their paths
  check_throws<ShapeError>([&] { bad_block(images()); },
                           "layers.2.conv2: conv2d: expected input channels 5, got (2, 4, 4, 4)");
  check_throws<ShapeError>(
      [&] {
        bad_block(images({2, 8, 8, 1}));
      },
      "layers.0: conv2d: expected input channels 3, got (2, 8, 8, 1)");
  check_throws<ShapeError>(
      [&] {
        bad_block(images({2, 1, 1, 3}));
      },
      "layers.1: max_pool2d: expected an image of at least the kernel 2x2, got (2, 1, 1, 4) with "
      "padding 0x0");
  try {
    bad_block(images());
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.layer() == "layers.2.conv2");
  }

  Network bad_head(4, 63);
  bad_head.parameters();
  CHECK_THROWS_WITH(bad_head(images()), Catch::Matchers::StartsWith("head.1: linear: expected"));
  const NoGradGuard no_grad;
  bad_block.eval();
  check_throws<ShapeError>([&] { bad_block(images()); },
                           "layers.2.conv2: conv2d: expected input channels 5, got (2, 4, 4, 4)");
}

TEST_CASE("the kind of an error stays, and one that is not the library's is left alone") {
  class Throwing : public nn::Layer<float> {
   public:
    explicit Throwing(std::function<void()> call) : call_(std::move(call)) {}
    Variable<float> operator()(const Variable<float>& x) override {
      call_();
      return x;
    }
    void visit(nn::Visitor<float>&) override {}
    std::string describe() const override { return "Throwing"; }

   private:
    std::function<void()> call_;
  };
  const auto run = [](const std::function<void()>& call) {
    nn::Sequential<float> layers{nn::Flatten<float>(), Throwing(call)};
    return [layers = std::make_shared<nn::Sequential<float>>(std::move(layers))] {
      (*layers)(images());
    };
  };
  struct Own : ShapeError {
    using ShapeError::ShapeError;
  };
  check_throws<ValueError>(run([] { throw ValueError("no"); }), "1: no");
  check_throws<NumericError>(run([] { throw NumericError("no"); }), "1: no");
  check_throws<GraphError>(run([] { throw GraphError("no"); }), "1: no");
  check_throws<FileError>(run([] { throw FileError("no"); }), "1: no");
  check_throws<Own>(run([] { throw Own("no"); }), "1: no");
  check_throws<std::logic_error>(run([] { throw std::logic_error("no"); }), "no");
}

TEST_CASE("a module knows its place in the outermost module, and a copy of it does not") {
  Network network(4);
  const auto named = network.named_modules();
  for (const auto& [path, part] : named) {
    CHECK(part->path() == path);
  }
  auto& block = dynamic_cast<Block&>(*named[4].second);
  block.parameters();  // of a part: its own parts have been seen from further out
  CHECK(named[5].second->path() == "layers.2.conv1");
  const Block copy = block;
  CHECK(copy.path().empty());
}

TEST_CASE("a profiler says which module takes how long") {
  Network network(4);
  nn::Profiler<float> profiler(network);
  const auto step = [&] { sum(network(images({8, 8, 8, 3}))).backward(); };
  step();
  CHECK(profiler.rows().empty());
  profiler.start();
  profiler.start();
  step();
  step();
  profiler.stop();
  step();
  const auto rows = profiler.rows();
  double shares = 0;
  std::map<std::string, nn::ProfileRow> by_path;
  for (const auto& row : rows) {
    CHECK(row.forward + row.backward <= rows.front().forward + rows.front().backward);
    shares += row.share;
    by_path[row.path] = row;
  }
  CHECK(shares == Approx(1));
  for (const std::string path : {"layers.0", "layers.1", "layers.2", "layers.2.conv1",
                                 "layers.2.norm", "layers.2.conv2", "head.0", "head.1"}) {
    CAPTURE(path);
    REQUIRE(by_path.contains(path));
    CHECK(by_path[path].calls == 2);
    CHECK(by_path[path].forward > 0);
    CHECK(by_path[path].backward > 0);
  }
  CHECK(by_path.contains(""));  // the sum
  CHECK(by_path.size() == 9);

  std::ostringstream table;
  table << profiler;
  CHECK_THAT(table.str(),
             Catch::Matchers::Contains("layers.2.conv1\n") &&
                 Catch::Matchers::StartsWith(" share   calls  forward ms  backward ms  module\n"));
  profiler.start();
  profiler.reset();
  const NoGradGuard no_grad;
  network(images());
  CHECK(profiler.rows().size() == 8);
  for (const auto& row : profiler.rows()) {
    CHECK(row.calls == 1);
    CHECK(row.backward == 0);
  }
}
