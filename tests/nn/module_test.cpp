#include "cnnrnn/nn/module.hpp"

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/add.hpp"
#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/sum.hpp"
#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

using Names = std::vector<std::string>;

/// y = factor x + shift, element by element; in training mode y + 100.
class Scale : public nn::Layer<double> {
 public:
  Scale(double factor, double shift)
      : factor_(Tensor<double>({3}, {factor, factor, factor}), true),
        shift_(Tensor<double>::scalar(shift), true) {}
  explicit Scale(double factor) : Scale(factor, 0) { shift_ = {}; }

  Variable<double> operator()(const Variable<double>& x) override {
    auto y = x * factor_;
    y = shift_.defined() ? y + shift_ : y;
    return training() ? y + 100.0 : y;
  }
  void visit(nn::Visitor<double>& visitor) override {
    visitor("factor", factor_);
    visitor("shift", shift_);
  }
  std::string describe() const override {
    return to_message("Scale(", factor_.value()(0), shift_.defined() ? ")" : ", no shift)");
  }

 private:
  Variable<double> factor_;
  Variable<double> shift_;
};

/// Parts of every kind: a module, a list of modules, modules in modules, and values of its own.
class Network : public nn::Module<double> {
 public:
  void visit(nn::Visitor<double>& visitor) override {
    visitor("gain", gain_);
    visitor("mean", mean_);
    visitor("absent", absent_);
    visitor("steps", steps_);
    visitor("random", random_);
    visitor("stem", stem_);
    visitor("stages", stages_);
    visitor("weights", weights_);
    visitor("head", head_);
  }
  std::string describe() const override { return "Network"; }

  Variable<double> gain_{Tensor<double>::ones({2, 2}), true};
  Tensor<double> mean_ = Tensor<double>::zeros({2});
  Tensor<double> absent_;
  Tensor<Index> steps_ = Tensor<Index>::scalar(0);
  Random random_{1};
  Scale stem_{2};
  std::vector<Scale> stages_{Scale(3, 1), Scale(4)};
  std::vector<Variable<double>> weights_{{Tensor<double>::ones({5}), true},
                                         {Tensor<double>::ones({6}), true}};
  nn::Sequential<double> head_{Scale(5), nn::Sequential<double>(Scale(6, 1), Scale(7))};
};

/// Writes down what it is shown, as KIND PATH.
class Recorder : public nn::Visitor<double> {
 public:
  Names seen;

 private:
  void parameter(const std::string& path, Variable<double>&) override { add("parameter", path); }
  void buffer(const std::string& path, Tensor<double>&) override { add("buffer", path); }
  void counter(const std::string& path, Tensor<Index>&) override { add("counter", path); }
  void random(const std::string& path, Random&) override { add("random", path); }
  void module(const std::string& path, nn::Module<double>& part) override {
    add("module", path);
    nn::Visitor<double>::module(path, part);
  }
  void add(const std::string& kind, const std::string& path) { seen.push_back(kind + ' ' + path); }
};

/// The modes of all parts, in the order of the visit.
class Modes : public nn::Visitor<double> {
 public:
  std::vector<bool> seen;

 private:
  void module(const std::string& path, nn::Module<double>& part) override {
    seen.push_back(part.training());
    nn::Visitor<double>::module(path, part);
  }
};

std::vector<bool> modes(nn::Module<double>& module) {
  Modes modes;
  module.visit(modes);
  return modes.seen;
}

}  // namespace

TEST_CASE("a visitor sees every part with its path, in order, and passes over undefined ones") {
  Network network;
  Recorder recorder;
  network.visit(recorder);
  CHECK(recorder.seen == Names{"parameter gain",
                               "buffer mean",
                               "counter steps",
                               "random random",
                               "module stem",
                               "parameter stem.factor",
                               "module stages.0",
                               "parameter stages.0.factor",
                               "parameter stages.0.shift",
                               "module stages.1",
                               "parameter stages.1.factor",
                               "parameter weights.0",
                               "parameter weights.1",
                               "module head",
                               "module head.0",
                               "parameter head.0.factor",
                               "module head.1",
                               "module head.1.0",
                               "parameter head.1.0.factor",
                               "parameter head.1.0.shift",
                               "module head.1.1",
                               "parameter head.1.1.factor"});
}

TEST_CASE("a visitor may change what it sees") {
  class Doubler : public nn::Visitor<double> {
    void parameter(const std::string&, Variable<double>& value) override {
      for (double& element : value.mutable_value().mutable_span()) {
        element *= 2;
      }
    }
    void counter(const std::string&, Tensor<Index>& value) override { value.mutable_at() = 8; }
  };
  Network network;
  Doubler doubler;
  network.visit(doubler);
  CHECK(network.gain_.value()(1, 1) == 2);
  CHECK(network.stages_[1].describe() == "Scale(8, no shift)");
  CHECK(network.steps_.item() == 8);
}

TEST_CASE("parameters are handles to the module's own, in the order of the visit") {
  Network network;
  Names names;
  for (const auto& [path, parameter] : network.named_parameters()) {
    names.push_back(path);
  }
  CHECK(names == Names{"gain", "stem.factor", "stages.0.factor", "stages.0.shift",
                       "stages.1.factor", "weights.0", "weights.1", "head.0.factor",
                       "head.1.0.factor", "head.1.0.shift", "head.1.1.factor"});
  auto parameters = network.parameters();
  REQUIRE(parameters.size() == names.size());
  CHECK(parameters[0].value().shares_memory_with(network.gain_.value()));
  parameters[0].mutable_value().mutable_at(0, 1) = 9;
  CHECK(network.gain_.value()(0, 1) == 9);
}

TEST_CASE("parameter_count counts numbers, and no buffers") {
  Network network;
  CHECK(network.parameter_count() == 4 + 3 + (3 + 1) + 3 + 5 + 6 + 3 + (3 + 1) + 3);
  CHECK(Scale(1).parameter_count() == 3);
  CHECK(nn::Sequential<double>().parameter_count() == 0);
}

TEST_CASE("what several modules share is listed and counted once, under its first path") {
  class Tied : public nn::Module<double> {
   public:
    void visit(nn::Visitor<double>& visitor) override {
      visitor("encoder", part_);
      visitor("decoder", part_);  // the same module
      visitor("copy", copy_);     // another one with the same parameters
      visitor("own", own_);
      visitor("constant", constant_);
    }
    std::string describe() const override { return "Tied"; }

    Scale part_{2, 1};
    Scale copy_ = part_;
    Scale own_{3};
    std::vector<Variable<double>> constant_{{Tensor<double>::ones({2})},
                                            {Tensor<double>::ones({2})}};
  };
  Tied tied;
  Names names;
  for (const auto& [path, parameter] : tied.named_parameters()) {
    names.push_back(path);
  }
  CHECK(names ==
        Names{"encoder.factor", "encoder.shift", "own.factor", "constant.0", "constant.1"});
  CHECK(tied.parameter_count() == 3 + 1 + 3 + 2 + 2);
  std::ostringstream out;
  out << tied;
  CHECK(out.str() ==
        "Tied\n"
        "  encoder: Scale(2)\n"
        "  decoder: Scale(2)\n"
        "  copy: Scale(2)\n"
        "  own: Scale(3, no shift)\n");
}

TEST_CASE("train and eval reach every part") {
  Network network;
  CHECK(network.training());
  CHECK(modes(network) == std::vector<bool>(8, true));
  network.eval();
  CHECK_FALSE(network.training());
  CHECK(modes(network) == std::vector<bool>(8, false));
  network.head_.train();
  CHECK_FALSE(network.training());
  CHECK(modes(network) == std::vector<bool>{false, false, false, true, true, true, true, true});
  network.train();
  CHECK(network.training());
  CHECK(modes(network) == std::vector<bool>(8, true));
}

TEST_CASE("a part that keeps evaluation mode stays in it until it is free") {
  Network network;
  network.head_.keep_eval();
  const std::vector<bool> head_in_eval{true, true, true, false, false, false, false, false};
  CHECK(modes(network) == head_in_eval);
  network.train();
  CHECK(modes(network) == head_in_eval);
  network.head_.train();
  CHECK(modes(network) == head_in_eval);
  network.eval();
  network.head_.keep_eval(false);
  CHECK(modes(network) == std::vector<bool>(8, false));
  network.train();
  CHECK(modes(network) == std::vector<bool>(8, true));
  network.keep_eval();
  network.train();
  CHECK_FALSE(network.training());
}

TEST_CASE("each part of a module that keeps evaluation mode stays in it by itself") {
  Network network;
  network.keep_eval();
  network.head_.train();
  network.stages_[0].train();
  CHECK(modes(network) == std::vector<bool>(8, false));
  network.head_.keep_eval(false);
  network.train();
  CHECK(modes(network) == std::vector<bool>{false, false, false, true, true, true, true, true});
  network.keep_eval(false);
  network.train();
  CHECK(modes(network) == std::vector<bool>(8, true));
}

TEST_CASE("a part that two modules share keeps evaluation mode when one of them does") {
  class Holder : public nn::Module<double> {
   public:
    explicit Holder(std::vector<nn::Module<double>*> parts) : parts_(std::move(parts)) {}
    void visit(nn::Visitor<double>& visitor) override {
      for (nn::Module<double>* part : parts_) {
        visitor(part == parts_.front() ? "first" : "second", *part);
      }
    }
    std::string describe() const override { return "Holder"; }

   private:
    std::vector<nn::Module<double>*> parts_;
  };
  Scale shared(2);
  Holder kept({&shared});
  Holder free({&shared});
  Holder whole({&kept, &free});
  kept.keep_eval();
  whole.train();
  CHECK(whole.training());
  CHECK(free.training());
  CHECK_FALSE(kept.training());
  CHECK_FALSE(shared.training());
}

TEST_CASE("a module lists the modules in it, each once") {
  Network network;
  Names names;
  for (const auto& [path, part] : network.named_modules()) {
    names.push_back(path + ' ' + part->describe());
  }
  CHECK(names == Names{" Network", "stem Scale(2, no shift)", "stages.0 Scale(3)",
                       "stages.1 Scale(4, no shift)", "head Sequential",
                       "head.0 Scale(5, no shift)", "head.1 Sequential", "head.1.0 Scale(6)",
                       "head.1.1 Scale(7, no shift)"});
  CHECK(network.modules().size() == 9);
  CHECK(network.modules()[4] == &network.head_);

  class Twice : public nn::Module<double> {
   public:
    void visit(nn::Visitor<double>& visitor) override {
      visitor("a", part_);
      visitor("b", part_);
    }
    std::string describe() const override { return "Twice"; }

   private:
    Scale part_{2};
  };
  Twice twice;
  CHECK(twice.named_modules().size() == 2);
}

TEST_CASE("parameters are frozen all together, by path, or as a function chooses") {
  Network network;
  const auto trained = [&] {
    Names names;
    for (const auto& [path, parameter] : network.named_parameters()) {
      if (parameter.requires_grad()) {
        names.push_back(path);
      }
    }
    return names;
  };
  const auto before = network.parameters();
  CHECK(trained().size() == 11);
  network.set_requires_grad(false);
  CHECK(trained().empty());
  CHECK_FALSE(before[0].requires_grad());
  network.set_requires_grad(true, "head.1");
  CHECK(trained() == Names{"head.1.0.factor", "head.1.0.shift", "head.1.1.factor"});
  network.set_requires_grad(true, std::string("gain"));
  network.set_requires_grad(false, [](const std::string& path) { return path.ends_with("shift"); });
  CHECK(trained() == Names{"gain", "head.1.0.factor", "head.1.1.factor"});
  network.stages_[0].set_requires_grad(true);
  CHECK(trained() ==
        Names{"gain", "stages.0.factor", "stages.0.shift", "head.1.0.factor", "head.1.1.factor"});
  CHECK(network.parameter_count() == 35);  // frozen ones too
  for (const auto& [path, part] : network.named_modules()) {
    network.set_requires_grad(true, path);
  }
  CHECK(trained().size() == 11);
  network.set_requires_grad(false, "");
  CHECK(trained().empty());
  for (const char* path : {"hea", "head.", "head.1.0.factor.0", "."}) {
    CHECK_THROWS_WITH(
        network.set_requires_grad(false, path),
        to_message("set_requires_grad: expected the path of a parameter or a part of Network, got ",
                   path));
  }
}

TEST_CASE("a module prints as a tree of its parts") {
  Network network;
  std::ostringstream out;
  out << network;
  CHECK(out.str() ==
        "Network\n"
        "  stem: Scale(2, no shift)\n"
        "  0: Scale(3)\n"
        "  1: Scale(4, no shift)\n"
        "  head: Sequential\n"
        "    0: Scale(5, no shift)\n"
        "    1: Sequential\n"
        "      0: Scale(6)\n"
        "      1: Scale(7, no shift)\n");
}

TEST_CASE("zero_grad clears the gradients of all parameters") {
  Network network;
  const Variable<double> x(Tensor<double>::ones({3}));
  (sum(network.head_(network.stages_[0](x))) + sum(network.gain_)).backward();
  const auto with_gradient = [&] {
    Index count = 0;
    for (const auto& parameter : network.parameters()) {
      count += parameter.grad().defined();
    }
    return count;
  };
  CHECK(with_gradient() == 7);
  network.zero_grad();
  CHECK(with_gradient() == 0);
}

TEST_CASE("Sequential runs its layers one after the other") {
  nn::Sequential<double> layers(Scale(2, 1), Scale(3));
  const Variable<double> x(Tensor<double>::ones({3}));
  CHECK(layers(x).value()(2) == (2 + 1 + 100) * 3 + 100);
  layers.eval();
  CHECK(layers(x).value()(2) == (2 + 1) * 3);

  layers.append(Scale(10));
  CHECK(layers.size() == 3);
  CHECK(layers.named_parameters().back().first == "2.factor");
  CHECK(layers(x).value()(2) == (2 + 1) * 3 * 10 + 100);  // a new layer is in training mode
}

TEST_CASE("Sequential without layers gives back what it gets, also inside another") {
  nn::Sequential<double> empty;
  const Variable<double> x(Tensor<double>::ones({3}), true);
  CHECK(empty.size() == 0);
  CHECK(empty(x).value().shares_memory_with(x.value()));
  nn::Sequential<double> outer(nn::Sequential<double>{}, Scale(2));
  outer.eval();
  CHECK(outer.size() == 2);
  CHECK(outer(x).value()(0) == 2);
}

TEST_CASE("a Sequential that is moved keeps its layers, and trains") {
  nn::Sequential<double> source(Scale(2, 1));
  nn::Sequential<double> layers = std::move(source);
  layers.eval();
  sum(layers(Variable<double>(Tensor<double>::ones({3})))).backward();
  const auto parameters = layers.parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].grad()(1) == 1);
  CHECK(parameters[1].grad().item() == 3);
}

TEST_CASE("a list of layers of different kinds is visited as one of modules is") {
  class Layers : public nn::Module<double> {
   public:
    void visit(nn::Visitor<double>& visitor) override {
      visitor("layers", layers_);
      visitor("none", none_);
    }
    std::string describe() const override { return "Layers"; }

    std::vector<std::unique_ptr<nn::Layer<double>>> layers_;
    std::unique_ptr<Scale> none_;
  };
  Layers layers;
  layers.layers_.push_back(std::make_unique<Scale>(2, 1));
  layers.layers_.push_back(std::make_unique<nn::Sequential<double>>(Scale(3)));
  Recorder recorder;
  layers.visit(recorder);
  CHECK(recorder.seen == Names{"module layers.0", "parameter layers.0.factor",
                               "parameter layers.0.shift", "module layers.1", "module layers.1.0",
                               "parameter layers.1.0.factor"});
}
