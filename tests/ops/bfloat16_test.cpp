#include <string>
#include <vector>

#include "cnnrnn/cnnrnn.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/leaves.hpp"
#include "support/op.hpp"
#include "support/random_tensor.hpp"
#include "support/same_bytes.hpp"

// Every op of bfloat16 against the same op of float, which its own table holds to double, on the
// same numbers. Results differ by the rounding of what is stored: of outputs and gradients, and of
// nothing in between.

using namespace cnnrnn;

namespace {

using Op = OpOf<bfloat16, float>;

/// Random numbers that are bfloat16.
Tensor<float> numbers(const Shape& shape, std::uint64_t seed) {
  return random_tensor<float>(shape, seed).to<bfloat16>().to<float>();
}

/// Outputs and gradients in float, after `passes` times forward and backward: all gradients add up.
template <class T>
Tensors<float> run(const Op& op, const Tensors<float>& inputs, int passes, bool unique) {
  const auto leaves = leaves_of<T>(inputs);
  Tensors<float> results;
  for (int pass = 0; pass < passes; ++pass) {
    std::vector<Edge<T>> roots;
    std::vector<Tensor<T>> upstream;
    results.clear();
    for (const auto& output : op(leaves)) {
      const Tensor<float> dy = numbers(output.shape(), 100 + results.size());
      results.push_back(output.value().template to<float>());
      roots.push_back(unique ? sum(output * Variable<T>(dy.to<T>())).edge() : output.edge());
      upstream.push_back(unique ? Tensor<T>::ones({}) : dy.to<T>());
    }
    backward(roots, upstream);
  }
  for (const auto& leaf : leaves) {
    results.push_back(leaf.grad().template to<float>());
  }
  return results;
}

/// With upstream gradients that an operation may overwrite, since nobody else has them, and others.
/// One rounding is half of 2^-7 of a value at most, and a sum of two gradients has three. Of the
/// largest element, or of 1.
void check(const std::string& name, const Tensors<float>& inputs, const Op& op) {
  for (const auto& [passes, unique] :
       {std::pair(1, false), std::pair(1, true), std::pair(2, true)}) {
    const auto expected = run<float>(op, inputs, passes, unique);
    set_threads(1);
    const auto got = run<bfloat16>(op, inputs, passes, unique);
    set_threads(2);
    const auto on_two = run<bfloat16>(op, inputs, passes, unique);
    set_threads(0);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(name << ", result " << i << ", passes " << passes);
      CHECK(difference(got[i], expected[i], passes * 0x1p-8) == "");
      CHECK(same_bytes(got[i], on_two[i]));
    }
  }
}

const Shape image{2, 7, 6, 5};

/// `x` pushed away from 0 by a half, so that it may be divided by, and positive where it must be.
Tensor<float> positive(const Shape& shape, std::uint64_t seed) {
  auto x = numbers(shape, seed);
  for (float& value : x.mutable_span()) {
    value = bfloat16(std::abs(value) + 0.5F);
  }
  return x;
}

}  // namespace

TEST_CASE("bfloat16: functions of single elements") {
  const Tensors<float> x{numbers({3, 50}, 1)};
  check("relu", x, [](const auto& v) { return relu(v[0]); });
  check("relu6", x, [](const auto& v) { return relu6(v[0]); });
  check("leaky_relu", x, [](const auto& v) { return leaky_relu(v[0], 0.2); });
  check("sigmoid", x, [](const auto& v) { return sigmoid(v[0]); });
  check("tanh", x, [](const auto& v) { return tanh(v[0]); });
  check("silu", x, [](const auto& v) { return silu(v[0]); });
  check("gelu", x, [](const auto& v) { return gelu(v[0]); });
  check("gelu tanh", x, [](const auto& v) { return gelu(v[0], GeluApproximation::tanh); });
  check("hard_sigmoid", x, [](const auto& v) { return hard_sigmoid(v[0]); });
  check("hard_swish", x, [](const auto& v) { return hard_swish(v[0]); });
  check("exp", x, [](const auto& v) { return exp(v[0]); });
  check("abs", x, [](const auto& v) { return abs(v[0]); });
  check("log", {positive({3, 50}, 1)}, [](const auto& v) { return log(v[0]); });
  check("sqrt", {positive({3, 50}, 1)}, [](const auto& v) { return sqrt(v[0]); });
  check("dropout", x, [](const auto& v) {
    Random random(3);
    return dropout(v[0], 0.3, random, true);
  });
}

TEST_CASE("bfloat16: arithmetic, with numbers that are not rounded") {
  const Tensors<float> two{numbers({4, 3, 5}, 1), positive({3, 1}, 2)};
  check("add", two, [](const auto& v) { return v[0] + v[1]; });
  check("sub", two, [](const auto& v) { return v[0] - v[1]; });
  check("mul", two, [](const auto& v) { return v[0] * v[1]; });
  check("div", two, [](const auto& v) { return v[0] / v[1]; });
  check("square", two, [](const auto& v) { return v[0] * v[0]; });
  const float third = 1.0F / 3;
  check("numbers", {two[0]}, [=](const auto& v) { return third * v[0] + 1000 * third; });
  check("differences", {two[0]}, [=](const auto& v) { return third - v[0]; });
  check("divisor", {two[1]}, [=](const auto& v) { return v[0] / third; });
  check("dividend", {two[1]}, [=](const auto& v) { return third / v[0]; });
}

TEST_CASE("bfloat16: sums and extremes") {
  const Tensors<float> x{numbers({5, 300, 4}, 1)};
  check("sum", x, [](const auto& v) { return sum(v[0]); });
  check("sum of an axis", x, [](const auto& v) { return sum(v[0], {1}); });
  check("sum of two axes", x, [](const auto& v) { return sum(v[0], {0, 2}, SummedAxes::keep); });
  check("mean", x, [](const auto& v) { return mean(v[0]); });
  check("mean of an axis", x, [](const auto& v) { return mean(v[0], {1}); });
  check("amax", x, [](const auto& v) { return amax(v[0], 1); });
  check("amin", x, [](const auto& v) { return amin(v[0], 2); });
}

TEST_CASE("bfloat16: a gradient from many pixels is not rounded on the way") {
  const Variable<bfloat16> x(Tensor<bfloat16>::ones({1, 1, 1, 1}), true);
  const Tensor<float> dy({1, 1, 8, 1}, {256, 1, 0, 0, 1, 0, 0, 0});
  upsample_nearest2d(x, {.size = {1, 8}}).backward(dy.to<bfloat16>());
  CHECK(x.grad().item() == 258);  // 256 + 1 in bfloat16 is 256
}

TEST_CASE("bfloat16: a sum of many is not rounded on the way") {
  const auto ones = Variable<bfloat16>(Tensor<bfloat16>::ones({4096}));
  CHECK(sum(ones).item() == 4096);  // adding 1 to 256 in bfloat16 gives 256
}

TEST_CASE("bfloat16: other layouts") {
  const Tensors<float> x{numbers(image, 1), numbers(image, 2)};
  check("concat", x, [](const auto& v) { return concat(v, 3); });
  check("stack", x, [](const auto& v) { return stack(v, 1); });
  check("slice", {x[0]}, [](const auto& v) { return slice(v[0], 2, 1, 3); });
  check("flip", {x[0]}, [](const auto& v) { return flip(v[0], 2); });
  check("permute", {x[0]}, [](const auto& v) { return permute(v[0], {0, 3, 1, 2}); });
  check("flatten", {x[0]}, [](const auto& v) { return flatten(v[0]); });
  check("pad", {x[0]}, [](const auto& v) { return pad(v[0], {{}, {1, 2}, {0, 1}, {3, 0}}); });
  check("patch_sequences", {numbers({2, 4, 6, 3}, 1)},
        [](const auto& v) { return patch_sequences(v[0], 2); });
}

TEST_CASE("bfloat16: pooling and resampling") {
  const Tensors<float> x{numbers(image, 1)};
  check("max_pool2d", x, [](const auto& v) { return max_pool2d(v[0]); });
  check("max_pool2d, overlapping", x,
        [](const auto& v) { return max_pool2d(v[0], {.kernel = 3, .stride = 1, .padding = 1}); });
  check("avg_pool2d", x,
        [](const auto& v) { return avg_pool2d(v[0], {.kernel = 3, .stride = 2, .padding = 1}); });
  check("adaptive_avg_pool2d", x, [](const auto& v) { return adaptive_avg_pool2d(v[0], 4); });
  check("adaptive_max_pool2d", x, [](const auto& v) { return adaptive_max_pool2d(v[0], 4); });
  check("global_avg_pool2d", x, [](const auto& v) { return global_avg_pool2d(v[0]); });
  check("global_max_pool2d", x, [](const auto& v) { return global_max_pool2d(v[0]); });
  check("max_pool1d", {numbers({2, 9, 5}, 1)}, [](const auto& v) { return max_pool1d(v[0]); });
  check("avg_pool1d", {numbers({2, 9, 5}, 1)}, [](const auto& v) { return avg_pool1d(v[0]); });
  check("pad2d", x, [](const auto& v) {
    return pad2d(v[0], {.rows = {2, 1}, .mode = PadMode::reflect});
  });
  check("upsample_nearest2d", x,
        [](const auto& v) { return upsample_nearest2d(v[0], {.scale_factor = 2}); });
  check("upsample_nearest2d by five", x,
        [](const auto& v) { return upsample_nearest2d(v[0], {.scale_factor = 5}); });
  check("upsample_bilinear2d", x, [](const auto& v) {
    return upsample_bilinear2d(v[0], {.size = {10, 4}});
  });
  check("dwt2d", x, [](const auto& v) { return dwt2d(v[0], {.wavelet = wavelets::db2}); });
  check("idwt2d", {numbers({2, 4, 3, 8}, 1)}, [](const auto& v) { return idwt2d(v[0]); });
}

TEST_CASE("bfloat16: normalisation, its moments in float") {
  const Tensors<float> x{numbers(image, 1), positive({5}, 2), numbers({5}, 3), numbers(image, 4)};
  const Tensors<float> alone(x.begin(), x.begin() + 3);
  check("batch_norm", alone, [](const auto& v) { return batch_norm(v[0], v[1], v[2]); });
  check("batch_norm relu", alone,
        [](const auto& v) { return batch_norm(v[0], v[1], v[2], {}, {.relu = true}); });
  check("batch_norm silu", alone, [](const auto& v) {
    return batch_norm(v[0], v[1], v[2], {}, {.activation = Activation::silu});
  });
  for (const auto activation : {Activation::relu, Activation::silu, Activation::gelu,
                                Activation::hard_swish, Activation::leaky_relu}) {
    check(to_message("batch_norm_add ", static_cast<int>(activation)), x, [=](const auto& v) {
      return batch_norm_add(v[0], v[3], v[1], v[2], {}, {.activation = activation});
    });
  }
  check("batch_norm_relu_pool", alone,
        [](const auto& v) { return batch_norm_relu_pool(v[0], v[1], v[2]); });
  check("group_norm", {numbers({2, 3, 3, 6}, 1), positive({6}, 2), numbers({6}, 3)},
        [](const auto& v) { return group_norm(v[0], 2, v[1], v[2]); });
  check("layer_norm", {numbers({4, 30}, 1), positive({30}, 2), numbers({30}, 3)},
        [](const auto& v) { return layer_norm(v[0], {30}, v[1], v[2]); });
}

TEST_CASE("bfloat16: losses and softmax") {
  const Tensors<float> x{numbers({6, 9}, 1)};
  const Tensor<Index> labels({6}, {0, 8, 3, -100, 2, 5});
  check("softmax", x, [](const auto& v) { return softmax(v[0]); });
  check("softmax of an axis", x, [](const auto& v) { return softmax(v[0], 0); });
  check("log_softmax", x, [](const auto& v) { return log_softmax(v[0]); });
  check("cross_entropy", x, [&](const auto& v) {
    return cross_entropy(v[0], labels, {.label_smoothing = 0.1, .reduction = Reduction::sum});
  });
  check("cross_entropy of targets", x, [&](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    return cross_entropy(v[0], positive({6, 9}, 2).to<T>());
  });
  check("nll_loss", x, [&](const auto& v) { return nll_loss(v[0], labels); });
  const Tensors<float> two{numbers({6, 9}, 1), numbers({6, 9}, 2)};
  check("mse_loss", two, [](const auto& v) { return mse_loss(v[0], v[1]); });
  check("l1_loss", two,
        [](const auto& v) { return l1_loss(v[0], v[1], {.reduction = Reduction::none}); });
  check("binary_cross_entropy_with_logits", x, [](const auto& v) {
    return binary_cross_entropy_with_logits(
        v[0], Tensor<typename std::decay_t<decltype(v[0])>::value_type>::ones({6, 9}),
        {.positive_weight = 2});
  });
}

TEST_CASE("bfloat16: dense layers and convolutions, their sums in float") {
  check("linear", {numbers({5, 70}, 1), numbers({9, 70}, 2), numbers({9}, 3)},
        [](const auto& v) { return linear(v[0], v[1], v[2]); });
  check("linear_relu", {numbers({5, 70}, 1), numbers({9, 70}, 2)},
        [](const auto& v) { return linear_relu(v[0], v[1]); });
  check("linear, many rows", {numbers({3, 20, 33}, 1), numbers({40, 33}, 2), numbers({40}, 3)},
        [](const auto& v) { return linear(v[0], v[1], v[2]); });
  check("linear, one row", {numbers({1, 70}, 1), numbers({33, 70}, 2), numbers({33}, 3)},
        [](const auto& v) { return linear(v[0], v[1], v[2]); });
  const Tensors<float> x{numbers(image, 1), numbers({8, 5, 3, 3}, 2), numbers({8}, 3)};
  check("conv2d", x,
        [](const auto& v) { return conv2d(v[0], v[1], v[2], {.padding = 1, .relu = true}); });
  check("conv2d, strided", x,
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.stride = 2, .padding = 1}); });
  check("conv2d, 1x1 at a stride", {numbers({2, 7, 6, 17}, 1), numbers({33, 17, 1, 1}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.stride = 2}); });
  check("conv2d, three channels", {numbers({1, 9, 8, 3}, 1), numbers({20, 3, 3, 3}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.padding = 1}); });
  const Tensors<float> many{numbers({2, 8, 8, 20}, 1), numbers({18, 20, 3, 3}, 2),
                            numbers({18}, 3)};
  check("conv2d, many channels", many,
        [](const auto& v) { return conv2d(v[0], v[1], v[2], {.padding = 1, .relu = true}); });
  check("conv2d, many channels, strided", many,
        [](const auto& v) { return conv2d(v[0], v[1], v[2], {.stride = 2, .padding = 1}); });
  check("conv2d, many channels, dilated", many,
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.padding = 2, .dilation = 2}); });
  check("conv2d, many channels, directly", many,
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.algorithm = ConvAlgorithm::direct}); });
  check("conv2d, 5x5", {numbers({1, 9, 8, 16}, 1), numbers({16, 16, 5, 5}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.padding = 2}); });
  check("conv2d, groups", {numbers({2, 7, 6, 36}, 1), numbers({20, 18, 3, 3}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.stride = 2, .groups = 2}); });
  check("conv2d, depthwise of many images",
        {numbers({5, 64, 64, 120}, 1), numbers({120, 1, 3, 3}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.stride = 2, .groups = 120}); });
  check("conv2d, depthwise", {numbers({2, 6, 6, 16}, 1), numbers({16, 1, 3, 3}, 2)},
        [](const auto& v) { return conv2d(v[0], v[1], {}, {.groups = 16}); });
  check("conv1d", {numbers({2, 9, 4}, 1), numbers({6, 4, 3}, 2), numbers({6}, 3)},
        [](const auto& v) { return conv1d(v[0], v[1], v[2]); });
  check("conv_transpose2d", {numbers({2, 4, 3, 6}, 1), numbers({6, 5, 3, 3}, 2), numbers({5}, 3)},
        [](const auto& v) { return conv_transpose2d(v[0], v[1], v[2], {.stride = 2}); });
  check("conv_transpose1d", {numbers({2, 4, 6}, 1), numbers({6, 5, 3}, 2), numbers({5}, 3)},
        [](const auto& v) { return conv_transpose1d(v[0], v[1], v[2], {.relu = true}); });
}

TEST_CASE("bfloat16: moments of a convolution are those of its rounded result") {
  const auto moments_of = [](const Shape& x, const Shape& weight, const Convolution& options) {
    const auto [y, mean, variance] =
        conv2d_moments(Variable<bfloat16>(numbers(x, 1).to<bfloat16>()),
                       Variable<bfloat16>(numbers(weight, 2).to<bfloat16>()), {}, options);
    const Index channels = weight[0];
    kernels::ChannelMoments<float> expected(1, channels);
    expected.set(0, y.value().size() / channels, y.value().data());
    Tensor<float> its_mean({channels});
    Tensor<float> its_variance({channels});
    expected.combine(its_mean.mutable_data(), its_variance.mutable_data());
    CHECK(difference(mean, its_mean, 1e-6) == "");
    CHECK(difference(variance, its_variance, 1e-5) == "");
  };
  moments_of({3, 8, 8, 20}, {18, 20, 3, 3}, {.padding = 1});
  moments_of({3, 8, 8, 20}, {18, 20, 1, 1}, {});
  moments_of({3, 8, 8, 20}, {20, 1, 3, 3}, {.groups = 20});
}

TEST_CASE("bfloat16: packed convolutions, all that they do rounded once") {
  const auto check_packed = [](const Shape& x, const Shape& weight, const Convolution& options) {
    const auto run = [&]<class T>(T) {
      Tensor<float> scale({weight[0]});
      std::fill_n(scale.mutable_data(), weight[0], 0.5F);  // weights stay exact
      const PackedConvolution<T> convolution(x, numbers(weight, 1).to<T>(), {}, scale,
                                             numbers({weight[0]}, 2), options);
      const auto images = numbers(x, 3).to<T>();
      Tensors<float> results{convolution.relu_pool(images).template to<float>()};
      for (const auto activation : {Activation::none, Activation::relu, Activation::silu}) {
        const auto y = convolution(images, activation);
        results.push_back(y.template to<float>());
        results.push_back(convolution(images, activation, numbers(y.shape(), 4).template to<T>())
                              .template to<float>());
      }
      const auto smaller = numbers({1, 6, 6, x[3]}, 5).to<T>();
      results.push_back(convolution(smaller, Activation::none).template to<float>());
      return results;
    };
    const auto got = run(bfloat16());
    const auto expected = run(float());
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO("weight " << to_message(weight) << ", result " << i);
      CHECK(difference(got[i], expected[i], 0x1p-8) == "");
    }
  };
  check_packed({3, 8, 8, 20}, {18, 20, 3, 3}, {.padding = 1});
  check_packed({3, 8, 8, 20}, {18, 20, 1, 1}, {});
  check_packed({3, 8, 8, 20}, {20, 1, 3, 3}, {.groups = 20});
}

TEST_CASE("bfloat16: recurrent layers, their gates and states in float") {
  const auto weights = [](Index gates) -> Tensors<float> {
    return {numbers({3, 4, 5}, 1),   numbers({gates * 6, 5}, 2), numbers({gates * 6, 6}, 3),
            numbers({gates * 6}, 4), numbers({gates * 6}, 5),    numbers({1, 3, 6}, 6)};
  };
  check("lstm", weights(4), [](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    const auto out =
        lstm<T>(v[0], {{{v[1], v[2], v[3], v[4]}}}, {v[5], {}}, {.lengths = {4, 2, 3}});
    return std::vector{out.y, out.h, out.c};
  });
  check("gru", weights(3), [](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    const auto out = gru<T>(v[0], {{{v[1], v[2], v[3], v[4]}}}, v[5]);
    return std::vector{out.y, out.h};
  });
  check("rnn", weights(1), [](const auto& v) {
    using T = typename std::decay_t<decltype(v[0])>::value_type;
    return rnn<T>(v[0], {{{v[1], v[2], v[3], v[4]}}}, v[5]).y;
  });
  check("conv_lstm",
        {numbers({2, 3, 4, 4, 2}, 1), numbers({12, 2, 3, 3}, 2), numbers({12, 3, 3, 3}, 3)},
        [](const auto& v) {
          using T = typename std::decay_t<decltype(v[0])>::value_type;
          const auto out = conv_lstm_layer<T>(v[0], {{v[1], v[2], {}, {}, {}, {}}}, {},
                                              {.peepholes = ConvLstmPeepholes::none});
          return std::vector{out.y, out.h, out.c};
        });
}

namespace {

/// A network with the same numbers for any T.
template <class T>
struct Network {
  Network() {
    std::uint64_t seed = 10;
    for (nn::Module<T>* part :
         {static_cast<nn::Module<T>*>(&map), static_cast<nn::Module<T>*>(&lstm)}) {
      for (auto& parameter : part->parameters()) {
        parameter.mutable_value().copy_from(numbers(parameter.shape(), ++seed).template to<T>());
      }
    }
  }

  Tensor<float> operator()(const Tensor<float>& x) {
    const auto y = map(Variable<T>(x.to<T>()));
    return lstm.read(y, Lines::rows).h.value().template to<float>();
  }

  Random random{1};
  nn::Sequential<T> map{nn::Conv2d<T>(5, 8, {.padding = 1}, random), nn::BatchNorm2d<T>(8),
                        nn::Relu<T>(), nn::MaxPool2d<T>(), nn::Linear<T>(8, 4, random)};
  nn::Lstm<T> lstm{4, 6, {}, random};
};

}  // namespace

TEST_CASE("bfloat16: a network in training, in evaluation, and with packed weights") {
  Network<bfloat16> narrow;
  Network<float> exact;
  const auto x = numbers({6, 8, 8, 5}, 1);
  constexpr double several_roundings = 8 * 0x1p-8;
  const auto compare = [&] { CHECK(difference(narrow(x), exact(x), several_roundings) == ""); };
  compare();
  for (nn::Module<bfloat16>* part : {static_cast<nn::Module<bfloat16>*>(&narrow.map),
                                     static_cast<nn::Module<bfloat16>*>(&narrow.lstm)}) {
    part->eval();
  }
  exact.map.eval();
  compare();
  const NoGradGuard inference;
  compare();
  compare();
}
