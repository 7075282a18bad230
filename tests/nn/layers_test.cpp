// The tables of the modules that have no op of their name; the rest of them are in tests of theirs.
#include <string>
#include <vector>

#include "cnnrnn/nn/activations.hpp"
#include "cnnrnn/nn/batch_norm.hpp"
#include "cnnrnn/nn/conv_lstm_rows.hpp"
#include "cnnrnn/nn/linear.hpp"
#include "cnnrnn/nn/residual.hpp"
#include "cnnrnn/nn/rnn_tap.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "support/catch.hpp"
#include "support/conv_lstm_reference.hpp"
#include "support/layer_op.hpp"
#include "support/recurrent_reference.hpp"

using namespace cnnrnn;

namespace {

Variable<float> ones(const Shape& shape) { return Tensor<float>::ones(shape); }

/// All outputs of a recurrent module.
const auto all_outputs = [](auto& network, const auto& x) {
  const auto output = network(x);
  std::vector all{output.y, output.h};
  if constexpr (requires { output.c; }) {
    all.push_back(output.c);
  }
  return all;
};

/// A bidirectional layer of 3 features and 4 units, from zero states, against plain loops.
template <class Make>
OpCase recurrent_case(RecurrentKind kind, Make make) {
  const RecurrentSizes k{2, 3, 3, 4, 2};
  return {recurrent_name(kind), layer_inputs(make, random_tensor<double>({k.n, k.t, k.f}, 1)),
          layer_op(make, all_outputs), [=](Tensors<double> in) {
            const std::size_t states = states_of(kind);
            in.insert(in.begin() + 1, states, Tensor<double>::zeros({k.directions, k.n, k.u}));
            return RecurrentReference(kind, k, in).outputs();
          }};
}

/// What the options of a recurrent module may not be.
template <class Make>
std::vector<BadCall> bad_recurrent(const std::string& name, Make make) {
  return {throws<ValueError>([=] { make(0, 4, 1, 0.0); },
                             name + ": expected positive features and units, got 0 and 4"),
          throws<ValueError>([=] { make(3, -4, 1, 0.0); },
                             name + ": expected positive features and units, got 3 and -4"),
          throws<ValueError>([=] { make(3, 4, 0, 0.0); },
                             name + ": expected at least one layer, got 0"),
          throws<ValueError>([=] { make(3, 4, 1, -0.5); },
                             name + ": expected dropout in [0, 1), got -0.5"),
          throws<ValueError>([=] { make(3, 4, 1, 1.0); },
                             name + ": expected dropout in [0, 1), got 1")};
}

const nn::RnnTapOptions small_tap{.channels = 2, .height = 4, .width = 6, .patch = 2, .units = 4};

/// A reader of rows against the network on their sequences; `states` are its last ones.
template <class Make, class States>
OpCase rows_case(const std::string& name, Make make, States states) {
  return {name, layer_inputs(make, random_tensor<double>({2, 4, 6, 2}, 1)), layer_op(make),
          [=](const Tensors<double>& in) {
            const auto h = states(patch_sequences(Variable<double>(in[0]), 2), in);
            return reshape(permute(h, {1, 0, 2}), {2, 2 * 2 * 4});
          }};
}

template <class Rows>
BadCall wrong_map(const std::string& message) {
  return throws<ShapeError>(
      [] {
        Random random(1);
        Rows rows({.channels = 1, .height = 4, .width = 4}, random);
        rows(ones({2, 8, 4, 1}));
      },
      message);
}

/// A whole tap of a fixture, with the gradients of its parameters.
template <class Make>
OpCase pytorch_tap(const std::string& name, Make rows) {
  const Fixture fixture("rnn_tap");
  const auto x = fixture.get<double>(name + "/x");
  const auto sizes = fixture.get<Index>(name + "/options");
  const nn::RnnTapOptions options{x.dim(3), x.dim(1), x.dim(2), sizes(0), sizes(1)};
  const auto make = [=]<class T>(T, Random& random) {
    return nn::RnnTap<T>(rows(T(), options, random));
  };
  OpCase c{name, {x}, layer_op(make)};
  c.pytorch = {{fixture.get<double>(name + "/y")},
               {fixture.get<double>(name + "/dy")},
               {fixture.get<double>(name + "/dx")}};
  Random random(1);
  auto tap = make(0.0, random);
  for (const auto& [path, parameter] : tap.named_parameters()) {
    c.inputs.push_back(fixture.get<double>(name + "/state/" + path));
    c.pytorch.gradients.push_back(fixture.get<double>(name + "/gradient/" + path));
  }
  return c;
}

BadCall wrong_tap(const nn::RnnTapOptions& options, const std::string& message) {
  return throws<ValueError>(
      [=] {
        Random random(1);
        nn::RnnTap<float>(nn::LstmRows<float>(options, random));
      },
      message);
}

}  // namespace

TEST_CASE("recurrent modules") {
  check_op("Lstm",
           {recurrent_case(RecurrentKind::lstm,
                           []<class T>(T, Random& random) {
                             return nn::Lstm<T>(3, 4, {.bidirectional = true}, random);
                           }),
            recurrent_case(RecurrentKind::peephole_lstm,
                           []<class T>(T, Random& random) {
                             return nn::Lstm<T>(3, 4, {.bidirectional = true, .peepholes = true},
                                                random);
                           })},
           bad_recurrent("Lstm", [](Index features, Index units, Index layers, double dropout) {
             Random random(1);
             nn::Lstm<float>(features, units, {.layers = layers, .dropout = dropout}, random);
           }));
  check_op("Gru",
           {recurrent_case(RecurrentKind::gru,
                           []<class T>(T, Random& random) {
                             return nn::Gru<T>(3, 4, {.bidirectional = true}, random);
                           }),
            recurrent_case(RecurrentKind::original_gru,
                           []<class T>(T, Random& random) {
                             return nn::Gru<T>(
                                 3, 4, {.bidirectional = true, .linear_before_reset = false},
                                 random);
                           })},
           bad_recurrent("Gru", [](Index features, Index units, Index layers, double dropout) {
             Random random(1);
             nn::Gru<float>(features, units, {.layers = layers, .dropout = dropout}, random);
           }));
  check_op("Rnn",
           {recurrent_case(RecurrentKind::tanh_rnn,
                           []<class T>(T, Random& random) {
                             return nn::Rnn<T>(3, 4, {.bidirectional = true}, random);
                           })},
           bad_recurrent("Rnn", [](Index features, Index units, Index layers, double dropout) {
             Random random(1);
             nn::Rnn<float>(features, units, {.layers = layers, .dropout = dropout}, random);
           }));
}

TEST_CASE("batch norm modules") {
  const auto features = []<class T>(T, Random&) { return nn::BatchNorm1d<T>(3); };
  const auto image = []<class T>(T, Random&) { return nn::BatchNorm2d<T>(3); };
  const Reference op = [](const Tensors<double>& in) {
    return batch_norm<double>(in[0], in[1], in[2]);
  };
  const auto on = [](auto layer, const Shape& shape) {
    return [=]() mutable { layer(Tensor<float>::ones(shape)); };
  };
  const auto make = [](Index channels, const nn::BatchNormOptions& options) {
    return [=] { nn::BatchNorm2d<float>(channels, options); };
  };
  check_op("BatchNorm1d",
           {{"sequences", layer_inputs(features, random_tensor<double>({2, 4, 3}, 1)),
             layer_op(features), op}},
           {throws<ShapeError>(on(nn::BatchNorm1d<float>(3), {2, 4}),
                               "BatchNorm1d: expected 3 channels, got (2, 4)"),
            throws<ShapeError>(on(nn::BatchNorm1d<float>(3), {2, 2, 2, 3}),
                               "BatchNorm1d: expected x (N, C) or (N, T, C), got (2, 2, 2, 3)"),
            throws<ValueError>([] { nn::BatchNorm1d<float>(3, {.momentum = 1.5}); },
                               "BatchNorm1d: expected a momentum of 0 to 1, or none, got 1.5"),
            throws<ValueError>([] { nn::BatchNorm1d<float>(2).folded(); },
                               "BatchNorm1d: expected running statistics to fold, got those of the "
                               "batch")});
  check_op("BatchNorm2d",
           {{"images", layer_inputs(image, random_tensor<double>({2, 2, 4, 3}, 1)), layer_op(image),
             op}},
           {throws<ShapeError>(on(nn::BatchNorm2d<float>(3), {2, 3}),
                               "BatchNorm2d: expected x (N, H, W, C), got (2, 3)"),
            throws<ValueError>(make(0, {}),
                               "BatchNorm2d: expected a positive number of channels, got 0"),
            throws<ValueError>(make(3, {.epsilon = -1}),
                               "BatchNorm2d: expected a positive epsilon, got -1")});
}

TEST_CASE("ConvLstm") {
  const ConvLstmSizes k{2, 2, 3, 4, 2, 3, 2};
  const auto make = []<class T>(T, Random& random) {
    return nn::ConvLstm<T>(2, 3, {3, 4}, {.bidirectional = true}, random);
  };
  // PyTorch's order of the parameters is that of their names: the peepholes come first.
  const Reference op = [=](const Tensors<double>& in) {
    const auto zeros = Tensor<double>::zeros(k.states());
    Tensors<double> ordered{in[0], zeros, zeros};
    for (const std::size_t direction : {1U, 7U}) {
      for (const std::size_t part : {3U, 5U, 4U, 0U, 1U, 2U}) {
        ordered.push_back(in[direction + part]);
      }
    }
    return conv_lstm_reference(k, ordered);
  };
  const auto bad = [](Index channels, Index filters, Size2d map,
                      const nn::ConvLstmOptions& options) {
    return [=] {
      Random random(1);
      nn::ConvLstm<float>(channels, filters, map, options, random);
    };
  };
  const auto run = [](const nn::ConvLstmOptions& options, const Shape& x, const Shape& state = {}) {
    return [=] {
      Random random(1);
      nn::ConvLstm<float> network(3, 4, 4, options, random);
      network(ones(x),
              state.rank() > 0 ? ConvLstmStates<float>{ones(state), {}} : ConvLstmStates<float>{});
    };
  };
  check_op(
      "ConvLstm",
      {{"both directions", layer_inputs(make, random_tensor<double>({2, 2, 3, 4, 2}, 1)),
        layer_op(make, all_outputs), op}},
      {throws<ValueError>(bad(0, 4, 4, {}),
                          "ConvLstm: expected positive channels and filters, got 0 and 4"),
       throws<ValueError>(bad(3, -4, 4, {}),
                          "ConvLstm: expected positive channels and filters, got 3 and -4"),
       throws<ValueError>(bad(3, 4, 4, {.kernel = {3, 2}}),
                          "ConvLstm: expected an odd kernel, got 3x2"),
       throws<ValueError>(bad(3, 4, 4, {.layers = 0}),
                          "ConvLstm: expected at least one layer, got 0"),
       throws<ValueError>(bad(3, 4, 4, {.dropout = 1}),
                          "ConvLstm: expected a dropout in [0, 1), got 1"),
       throws<ValueError>(bad(3, 4, 4, {.kernel = 5, .algorithm = ConvAlgorithm::winograd}),
                          "ConvLstm: expected a 3x3 kernel for Winograd's algorithm, got 5x5"),
       throws<ValueError>(bad(3, 4, {0, 4}, {}),
                          "ConvLstm: expected a map of at least one pixel, got 0x4"),
       throws<ShapeError>(run({.layers = 2}, {1, 2, 4, 4, 3}, {1, 1, 4, 4, 4}),
                          "ConvLstm: expected an initial state (2, N, H, W, U), got (1, 1, 4, 4, "
                          "4)"),
       throws<ShapeError>(run({}, {1, 2, 4, 5, 3}),
                          "ConvLstm: expected x (N, T, 4, 4, 3), got (1, 2, 4, 5, 3)"),
       throws<ShapeError>(
           run({.peepholes = ConvLstmPeepholes::none, .batch_first = false}, {5, 2, 6, 6, 3}),
           "ConvLstm: expected x (T, N, 4, 4, 3), got (5, 2, 6, 6, 3)")});
}

TEST_CASE("readers of rows") {
  const auto lstm_rows = []<class T>(T, Random& random) {
    return nn::LstmRows<T>(small_tap, random);
  };
  const auto gru_rows = []<class T>(T, Random& random) {
    return nn::GruRows<T>(small_tap, random);
  };
  const auto irnn_rows = []<class T>(T, Random& random) {
    return nn::IrnnRows<T>(small_tap, random);
  };
  const auto weights = [](RecurrentKind kind, Tensors<double> in) {
    in.insert(in.begin() + 1, states_of(kind), {});
    return recurrent_weights(kind, Variables<double>(in.begin(), in.end()));
  };
  check_op("LstmRows",
           {rows_case("rows", lstm_rows,
                      [=](const auto& x, const auto& in) {
                        return lstm<double>(x, {weights(RecurrentKind::lstm, in)}).h;
                      })},
           {wrong_map<nn::LstmRows<float>>(
               "LstmRows: expected a feature map (2, 4, 4, 1), got (2, 8, 4, 1)")});
  check_op("GruRows",
           {rows_case("rows", gru_rows,
                      [=](const auto& x, const auto& in) {
                        return gru<double>(x, {weights(RecurrentKind::gru, in)}).h;
                      })},
           {wrong_map<nn::GruRows<float>>(
               "GruRows: expected a feature map (2, 4, 4, 1), got (2, 8, 4, 1)")});
  check_op("IrnnRows",
           {rows_case("rows", irnn_rows,
                      [=](const auto& x, const auto& in) {
                        return rnn<double>(x, {weights(RecurrentKind::relu_rnn, in)}, {},
                                           RnnNonlinearity::relu)
                            .h;
                      })},
           {wrong_map<nn::IrnnRows<float>>(
               "IrnnRows: expected a feature map (2, 4, 4, 1), got (2, 8, 4, 1)")});
}

TEST_CASE("ConvLstmRows") {
  const auto make = []<class T>(T, Random& random) {
    return nn::ConvLstmRows<T>(small_tap, ConvLstmPeepholes::none, random);
  };
  // The patches of each row one after the other, and the last states channel by channel.
  const Reference op = [](const Tensors<double>& in) {
    const auto row = [&](Index i) {
      std::vector<Variable<double>> patches;
      for (Index j = 0; j < 3; ++j) {
        patches.push_back(reshape(slice(slice(Variable<double>(in[0]), 1, 2 * i, 2), 2, 2 * j, 2),
                                  {2, 1, 2, 2, 2}));
      }
      const auto h = conv_lstm_layer<double>(
                         concat(patches, 1),
                         {{in[1], in[3], in[2], {}, {}, {}}, {in[4], in[6], in[5], {}, {}, {}}}, {},
                         {.peepholes = ConvLstmPeepholes::none})
                         .h;  // (2, N, P, P, U / 4)
      return reshape(permute(h, {1, 0, 4, 2, 3}), {2, 2 * 4});
    };
    return concat({row(0), row(1)});
  };
  check_op("ConvLstmRows",
           {{"two rows", layer_inputs(make, random_tensor<double>({2, 4, 6, 2}, 1)), layer_op(make),
             op}},
           {wrong_map<nn::ConvLstmRows<float>>(
                "ConvLstmRows: expected a feature map (2, 4, 4, 1), got (2, 8, 4, 1)"),
            throws<ValueError>(
                [] {
                  Random random(1);
                  nn::ConvLstmRows<float>({.channels = 1, .height = 4, .width = 4, .units = 6},
                                          random);
                },
                "ConvLstmRows: expected units divisible by 4, got 6")});
}

TEST_CASE("RnnTap") {
  const auto lstm_rows = []<class T>(T, const nn::RnnTapOptions& options, Random& random) {
    return nn::LstmRows<T>(options, random);
  };
  check_op(
      "RnnTap",
      {pytorch_tap("rows", lstm_rows), pytorch_tap("one_patch", lstm_rows),
       pytorch_tap("pixels", lstm_rows),
       pytorch_tap("gru", []<class T>(T, const nn::RnnTapOptions& options,
                                      Random& random) { return nn::GruRows<T>(options, random); }),
       pytorch_tap("irnn",
                   []<class T>(T, const nn::RnnTapOptions& options, Random& random) {
                     return nn::IrnnRows<T>(options, random);
                   })},
      {wrong_tap({.channels = 3, .height = 8, .width = 6, .patch = 4, .units = 2},
                 "RnnTap: expected a patch size that divides 8 and 6, got 4"),
       wrong_tap({.channels = 3, .height = 8, .width = 8, .patch = 0},
                 "RnnTap: expected a patch size that divides 8 and 8, got 0"),
       wrong_tap({.channels = 0, .height = 8, .width = 8},
                 "RnnTap: expected positive channels, height and width, got 0, 8 and 8"),
       wrong_tap({.channels = 1, .height = 8, .width = 8, .units = 0},
                 "RnnTap: expected positive units, got 0")});
}

TEST_CASE("Residual") {
  const auto make = []<class T>(T, Random& random) {
    return nn::Residual<T>(nn::Linear<T>(3, 5, random), nn::Linear<T>(5, 3, random));
  };
  check_op(
      "Residual",
      {{"two dense layers", layer_inputs(make, random_tensor<double>({2, 3}, 1)), layer_op(make),
        [](const Tensors<double>& in) {
          return Variable<double>(in[0]) +
                 linear<double>(linear<double>(in[0], in[1], in[2]), in[3], in[4]);
        }}},
      {throws<ShapeError>(
          [] {
            Random random(1);
            nn::Residual<float>(nn::Linear<float>(3, 1, random))(ones({2, 3}));
          },
          "Residual: expected layers that keep the shape (2, 3), got (2, 1)")});
  Random random(1);
  auto block = make(1.0F, random);
  CHECK(block.named_parameters().back().first == "1.bias");
  CHECK(block.describe() == "Residual");
}

TEST_CASE("Sequential") {
  const auto make = []<class T>(T, Random& random) {
    return nn::Sequential<T>(nn::Linear<T>(3, 5, {.bias = false}, random), nn::BatchNorm1d<T>(5),
                             nn::Tanh<T>(), nn::Linear<T>(5, 2, random));
  };
  check_op("Sequential", {{"four layers", layer_inputs(make, random_tensor<double>({7, 3}, 1)),
                           layer_op(make), [](const Tensors<double>& in) {
                             const auto hidden =
                                 batch_norm<double>(linear<double>(in[0], in[1]), in[2], in[3]);
                             return linear<double>(tanh(hidden), in[4], in[5]);
                           }}});
}
