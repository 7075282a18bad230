// Recurrent networks that read feature maps: the cell chosen at run time, sweeps and read-outs.
#include "cnnrnn/nn/recurrent_sweep.hpp"

#include <string>
#include <vector>

#include "cnnrnn/nn/recurrent_readout.hpp"
#include "cnnrnn/nn/renet.hpp"
#include "cnnrnn/nn/sequential.hpp"
#include "cnnrnn/ops/adaptive_pooling.hpp"
#include "cnnrnn/ops/slice.hpp"
#include "support/catch.hpp"
#include "support/layer_op.hpp"

using namespace cnnrnn;
using nn::Cell;

namespace {

Tensor<double> random(const Shape& shape) { return random_tensor<double>(shape, 2); }

/// Gives a network the values from in[first] on, and returns the place behind them.
std::size_t set_parameters(nn::Module<double>& network, const Tensors<double>& in,
                           std::size_t first) {
  for (auto& [name, parameter] : network.named_parameters()) {
    parameter.mutable_value().copy_from(in.at(first++));
  }
  return first;
}

/// The vectors of the patch in row i and column j, (N, 1, C P P), or the patch (N, 1, P, P, C).
Variable<double> patch_at(const Variable<double>& x, Index i, Index j, Index patch, bool map) {
  const auto square = slice(slice(x, 1, i * patch, patch), 2, j * patch, patch);
  const Index n = x.dim(0), c = x.dim(3);
  return map ? reshape(square, {n, 1, patch, patch, c})
             : reshape(permute(square, {0, 3, 1, 2}), {n, 1, c * patch * patch});
}

/// What a MapReader gives, from one sequence for each line, patch by patch; `at` moves behind its
/// parameters.
Variable<double> line_by_line(const nn::MapReaderOptions& o, const Variable<double>& x,
                              const Tensors<double>& in, std::size_t& at) {
  const bool convolves = o.cell == Cell::conv_lstm, columns = o.lines == Lines::columns;
  Random start(9);
  nn::SequenceLayer<double> network(
      convolves ? o.channels : o.channels * o.patch * o.patch, convolves ? o.units / 4 : o.units,
      {.cell = o.cell, .bidirectional = true, .peepholes = o.peepholes, .map = o.patch}, start);
  at = set_parameters(network, in, at);
  const Index n = x.dim(0), m = x.dim(1) / o.patch, k = x.dim(2) / o.patch;
  std::vector<Variable<double>> lines;
  for (Index line = 0; line < (columns ? k : m); ++line) {
    std::vector<Variable<double>> steps;
    for (Index step = 0; step < (columns ? m : k); ++step) {
      steps.push_back(
          patch_at(x, columns ? step : line, columns ? line : step, o.patch, convolves));
    }
    auto y = network(concat(steps, 1));
    y = convolves ? permute(y, {0, 1, 4, 2, 3}) : y;
    lines.push_back(columns ? reshape(y, {n, m, 1, -1}) : reshape(y, {n, 1, k, -1}));
  }
  return concat(lines, columns ? 2 : 1);
}

auto reader_of(const nn::MapReaderOptions& o) {
  return [=]<class T>(T, Random& random) { return nn::MapReader<T>(o, random); };
}

OpCase reader_case(const std::string& name, const nn::MapReaderOptions& o, const Shape& x) {
  return {name, layer_inputs(reader_of(o), random(x)), layer_op(reader_of(o)),
          [=](const Tensors<double>& in) {
            std::size_t at = 1;
            return line_by_line(o, in[0], in, at);
          }};
}

/// Patches (N, M, K, C P P), channel by channel, put where their pixels are, one by one.
Variable<double> put_back(const Variable<double>& patches, Index p) {
  std::vector<Variable<double>> rows;
  for (Index i = 0; i < patches.dim(1); ++i) {
    std::vector<Variable<double>> row;
    for (Index j = 0; j < patches.dim(2); ++j) {
      const auto patch = slice(slice(patches, 1, i, 1), 2, j, 1);
      row.push_back(permute(reshape(patch, {patches.dim(0), -1, p, p}), {0, 2, 3, 1}));
    }
    rows.push_back(concat(row, 2));
  }
  return concat(rows, 1);
}

/// x + P(h(BN(x))) for each kind of lines, or h(x).
Variable<double> sweep_by_parts(const nn::RecurrentSweepOptions& o, const Tensors<double>& in) {
  const bool residual = o.form == nn::SweepForm::residual;
  Variable<double> x = in[0];
  std::size_t at = 1;
  Index patch = o.patch;
  for (const Lines lines : o.lines) {
    const nn::MapReaderOptions reader{
        .channels = x.dim(3), .patch = patch, .units = o.units, .cell = o.cell, .lines = lines};
    if (!residual) {
      x = line_by_line(reader, x, in, at);
      patch = 1;
      continue;
    }
    const auto normed = batch_norm<double>(x, in[at], in[at + 1]);
    at += 2;
    const auto states = line_by_line(reader, normed, in, at);
    x = x + put_back(linear<double>(states, in[at], in[at + 1]), patch);
    at += 2;
  }
  return x;
}

auto sweep_of(const nn::RecurrentSweepOptions& o) {
  return [=]<class T>(T, Random& random) { return nn::RecurrentSweep<T>(o, random); };
}

OpCase sweep_case(const std::string& name, const nn::RecurrentSweepOptions& o, const Shape& x) {
  return {name,
          layer_inputs(sweep_of(o), random(x)),
          layer_op(sweep_of(o)),
          [=](const Tensors<double>& in) { return sweep_by_parts(o, in); },
          {1e-11, 1e-4}};
}

/// The last states of lines (N, M, K, 2U) of rows or columns: of the forward half at the last
/// step, of the reverse half at the first, (N, L, 2U).
Variable<double> last_of(const Variable<double>& y, Lines lines) {
  const Index time = lines == Lines::rows ? 2 : 1, half = y.dim(3) / 2;
  const auto forward = slice(slice(y, time, y.dim(time) - 1, 1), 3, 0, half);
  const auto both = concat({forward, slice(slice(y, time, 0, 1), 3, half, half)}, 3);
  return reshape(both, {y.dim(0), -1, 2 * half});
}

auto readout_of(const nn::RecurrentReadoutOptions& o) {
  return [=]<class T>(T, Random& random) { return nn::RecurrentReadout<T>(o, random); };
}

template <class Parts>
OpCase readout_case(const std::string& name, const nn::RecurrentReadoutOptions& o, Parts parts) {
  return {name,
          layer_inputs(readout_of(o), random({3, o.height, o.width, o.channels})),
          layer_op(readout_of(o)),
          [=](const Tensors<double>& in) {
            const std::size_t last = in.size() - 1;
            return batch_norm<double>(parts(in), in[last - 1], in[last]);
          },
          {1e-10, 1e-3}};
}

BadCall bad_readout(const nn::RecurrentReadoutOptions& o, const std::string& message) {
  return throws<ValueError>(
      [=] {
        Random random(1);
        nn::RecurrentReadout<float>(o, random);
      },
      message);
}

/// A call of a layer made by `make` on a map of that shape.
template <class Make>
BadCall bad_map(Make make, const Shape& shape, const std::string& message) {
  return throws<ShapeError>(
      [=] {
        Random random(1);
        make(1.0F, random)(Variable<float>(Tensor<float>::ones(shape)));
      },
      message);
}

}  // namespace

TEST_CASE("SequenceLayer") {
  const auto of = [](const nn::SequenceOptions& o) {
    return [=]<class T>(T, Random& random) { return nn::SequenceLayer<T>(3, 2, o, random); };
  };
  const auto bad = [=](Cell cell, ConvLstmPeepholes form, const std::string& message) {
    return throws<ValueError>(
        [=] {
          Random random(1);
          of({.cell = cell, .peepholes = form})(1.0F, random);
        },
        message);
  };
  const auto inputs = [&](const auto& make) { return layer_inputs(make, random({2, 3, 3})); };
  /// The module of that cell with the same parameters.
  const auto as = [](auto make) {
    return [=](const Tensors<double>& in) {
      Random random(1);
      auto network = make(random);
      set_parameters(network, in, 1);
      return network(Variable<double>(in[0])).y;
    };
  };
  const auto lstm = of({.cell = Cell::lstm,
                        .layers = 2,
                        .bidirectional = true,
                        .peepholes = ConvLstmPeepholes::current});
  const auto gru = of({.cell = Cell::gru, .bias = false});
  const auto tanh = of({.cell = Cell::rnn, .bidirectional = true});
  const auto relu = of({.cell = Cell::relu_rnn});
  const auto maps = of({.cell = Cell::conv_lstm, .map = {2, 4}});
  check_op(
      "SequenceLayer",
      {{"LSTM", inputs(lstm), layer_op(lstm), as([](Random& random) {
          return nn::Lstm<double>(3, 2, {.layers = 2, .bidirectional = true, .peepholes = true},
                                  random);
        })},
       {"GRU", inputs(gru), layer_op(gru),
        as([](Random& random) { return nn::Gru<double>(3, 2, {.bias = false}, random); })},
       {"RNN", inputs(tanh), layer_op(tanh),
        as([](Random& random) { return nn::Rnn<double>(3, 2, {.bidirectional = true}, random); })},
       {"RNN of ReLUs", inputs(relu), layer_op(relu), as([](Random& random) {
          return nn::Rnn<double>(3, 2, {.nonlinearity = RnnNonlinearity::relu}, random);
        })},
       {"ConvLSTM", layer_inputs(maps, random({1, 2, 2, 4, 3})), layer_op(maps),
        as([](Random& random) {
          return nn::ConvLstm<double>(3, 2, {2, 4}, random);
        })}},
      {throws<ValueError>(
           [=] {
             Random random(1);
             auto network = maps(1.0F, random);
             network.read(Variable<float>(Tensor<float>::ones({1, 2, 4, 3})), Lines::rows);
           },
           "SequenceLayer: expected a cell that reads pixels, got ConvLstm(3, 2, map 2x4, kernel "
           "3x3, current peepholes, layers 1)"),
       bad(Cell::lstm, ConvLstmPeepholes::previous,
           "SequenceLayer: expected peepholes that lstm has, got previous"),
       bad(Cell::irnn, ConvLstmPeepholes::current,
           "SequenceLayer: expected peepholes that irnn has, got current")});
}

TEST_CASE("cells are chosen by their names") {
  for (const std::string name : {"lstm", "gru", "rnn", "relu_rnn", "irnn", "conv_lstm"}) {
    CHECK(nn::name_of(nn::cell_named(name)) == name);
  }
  CHECK_THROWS_WITH(nn::cell_named("elman"),
                    "cell_named: expected lstm, gru, rnn, relu_rnn, irnn or conv_lstm, got elman");
  Random random(1);
  nn::SequenceLayer<float> irnn(3, 4, {.cell = Cell::irnn}, random);
  CHECK(irnn.parameters()[1].value()(2, 2) == 1);
  CHECK(irnn.parameters()[1].value()(2, 3) == 0);
  nn::Sequential<float> network(std::move(irnn), nn::Linear<float>(4, 2, random));
  const auto y = network(Variable<float>(Tensor<float>::ones({2, 5, 3})));
  CHECK(y.shape() == Shape{2, 5, 2});
}

TEST_CASE("MapReader") {
  const auto make = reader_of({.channels = 3, .patch = 2});
  const auto bad = [](const nn::MapReaderOptions& o, const std::string& message) {
    return throws<ValueError>(
        [=] {
          Random random(1);
          nn::MapReader<float>(o, random);
        },
        message);
  };
  check_op(
      "MapReader",
      {reader_case("rows of pixels", {.channels = 3, .units = 4}, {2, 3, 4, 3}),
       reader_case("columns of pixels",
                   {.channels = 3, .units = 4, .cell = Cell::lstm, .lines = Lines::columns},
                   {2, 3, 4, 3}),
       reader_case("rows of patches", {.channels = 2, .patch = 2, .units = 3, .cell = Cell::rnn},
                   {1, 4, 6, 2}),
       reader_case("columns of patches",
                   {.channels = 2, .patch = 2, .units = 3, .lines = Lines::columns}, {2, 4, 6, 2}),
       reader_case("rows of maps", {.channels = 2, .patch = 2, .units = 4, .cell = Cell::conv_lstm},
                   {1, 4, 6, 2}),
       reader_case("columns of maps",
                   {.channels = 2,
                    .patch = 2,
                    .units = 4,
                    .cell = Cell::conv_lstm,
                    .lines = Lines::columns},
                   {1, 4, 6, 2})},
      {bad_map(make, {1, 4, 5, 3},
               "MapReader: expected an input (N, H, W, 3) of patches of 2x2, got (1, 4, 5, 3)"),
       bad({.channels = 0},
           "MapReader: expected positive channels, patch and units, got 0, 1 and 32"),
       bad({.channels = 4, .units = 6, .cell = Cell::conv_lstm},
           "MapReader: expected units divisible by 4 for a conv_lstm, got 6")});
}

TEST_CASE("columns are the rows of a map that was turned") {
  for (const Shape& shape : {Shape{3, 16, 16, 5}, Shape{70, 8, 8, 5}, Shape{3, 120, 100, 5}}) {
    Random start(1);
    nn::MapReader<double> columns({.channels = 5, .units = 6, .lines = Lines::columns}, start);
    start = Random(1);
    nn::MapReader<double> rows({.channels = 5, .units = 6}, start);
    const Variable<double> x(random(shape), true);
    const auto y = columns(x);
    const auto dy = random_tensor<double>(y.shape(), 3);
    y.backward(dy);
    const Variable<double> turned(permute(x, {0, 2, 1, 3}).value(), true);
    const auto z = rows(turned);
    CHECK(z.value().span().size() == y.value().span().size());
    z.backward(permute(Variable<double>(dy), {0, 2, 1, 3}).value());
    const auto back = permute(Variable<double>(turned.grad()), {0, 2, 1, 3}).value();
    for (std::size_t i = 0; i < back.span().size(); ++i) {
      REQUIRE(x.grad().span()[i] == Approx(back.span()[i]).margin(1e-12));
    }
    for (std::size_t k = 0; k < rows.parameters().size(); ++k) {
      const auto ours = columns.parameters()[k].grad(), theirs = rows.parameters()[k].grad();
      for (std::size_t i = 0; i < ours.span().size(); ++i) {
        REQUIRE(ours.span()[i] == Approx(theirs.span()[i]).margin(1e-10));
      }
    }
  }
}

TEST_CASE("RecurrentSweep") {
  const auto make = sweep_of({.channels = 3});
  const auto bad = [](const nn::RecurrentSweepOptions& o, const std::string& message) {
    return throws<ValueError>(
        [=] {
          Random random(1);
          nn::RecurrentSweep<float>(o, random);
        },
        message);
  };
  const std::vector<Lines> columns{Lines::columns}, turned{Lines::columns, Lines::rows};
  check_op(
      "RecurrentSweep",
      {sweep_case("residual", {.channels = 3, .units = 2}, {2, 3, 4, 3}),
       sweep_case("residual, of patches",
                  {.channels = 2, .patch = 2, .units = 2, .cell = Cell::lstm, .lines = columns},
                  {2, 4, 6, 2}),
       sweep_case("residual, with maps",
                  {.channels = 2, .patch = 2, .units = 4, .cell = Cell::conv_lstm}, {2, 4, 4, 2}),
       sweep_case("plain, columns first",
                  {.channels = 2,
                   .patch = 2,
                   .units = 2,
                   .cell = Cell::rnn,
                   .lines = turned,
                   .form = nn::SweepForm::plain},
                  {1, 4, 6, 2})},
      {bad_map(
           make, {1, 4, 4, 2},
           "RecurrentSweep: expected an input (N, H, W, 3) of patches of 1x1, got (1, 4, 4, 2)"),
       bad({.channels = 3, .units = 0},
           "RecurrentSweep: expected positive channels, patch and units, got 3, 1 and 0"),
       bad({.channels = 3, .lines = {}},
           "RecurrentSweep: expected rows, columns or each of them once, got 0 kinds of lines"),
       bad({.channels = 3, .lines = {Lines::rows, Lines::rows}},
           "RecurrentSweep: expected rows, columns or each of them once, got 2 kinds of lines")});
}

TEST_CASE("a residual sweep begins as the map itself") {
  Random random(1);
  nn::RecurrentSweep<float> sweep({.channels = 8, .units = 4, .cell = Cell::irnn}, random);
  const Variable<float> x(random_tensor<float>({2, 5, 4, 8}, 2));
  const auto y = sweep(x);
  CHECK(std::ranges::equal(y.value().span(), x.value().span()));
  CHECK(sweep.features() == 8);
  CHECK(sweep.describe() == "RecurrentSweep(8, residual, patch 1x1, irnn 4)");
  std::vector<std::string> names;
  for (const auto& [name, parameter] : sweep.named_parameters()) {
    names.push_back(name);
  }
  CHECK(names[0] == "rows_norm.weight");
  CHECK(names[2] == "rows.weight_ih_l0");
  CHECK(names.back() == "columns_out.bias");
}

TEST_CASE("ReNet reads with any cell") {
  Random random(1);
  nn::ReNet<float> layer({.channels = 3, .units = 4, .cell = Cell::irnn}, random);
  CHECK(layer.features() == 8);
  CHECK(layer.parameters()[1].value()(3, 3) == 1);
  CHECK(layer(Variable<float>(Tensor<float>::ones({1, 4, 6, 3}))).shape() == Shape{1, 2, 3, 8});
}

TEST_CASE("RecurrentReadout") {
  using nn::ReadoutLines;
  using nn::ReadoutPooling;
  const nn::RecurrentReadoutOptions stacked{.channels = 3, .height = 3, .width = 4, .units = 2};
  const nn::RecurrentReadoutOptions last{.channels = 2,
                                         .height = 4,
                                         .width = 6,
                                         .patch = 2,
                                         .units = 2,
                                         .cell = Cell::lstm,
                                         .lines = ReadoutLines::rows_and_columns,
                                         .pooling = ReadoutPooling::last,
                                         .each_line = true};
  const nn::RecurrentReadoutOptions reduced{.channels = 3,
                                            .height = 3,
                                            .width = 2,
                                            .units = 2,
                                            .reduced = 2,
                                            .lines = ReadoutLines::columns,
                                            .pooling = ReadoutPooling::max,
                                            .each_line = true};
  const nn::RecurrentReadoutOptions mean_last{.channels = 2,
                                              .height = 3,
                                              .width = 4,
                                              .units = 2,
                                              .lines = ReadoutLines::rows,
                                              .pooling = ReadoutPooling::last};
  const nn::RecurrentReadoutOptions mean{.channels = 2,
                                         .height = 3,
                                         .width = 4,
                                         .units = 2,
                                         .lines = ReadoutLines::rows_and_columns,
                                         .pooling = ReadoutPooling::mean};
  const auto read = [](const nn::RecurrentReadoutOptions& o, Lines lines, const auto& x,
                       const Tensors<double>& in, std::size_t& at) {
    return line_by_line(
        {.channels = x.dim(3), .patch = o.patch, .units = o.units, .cell = o.cell, .lines = lines},
        x, in, at);
  };
  check_op(
      "RecurrentReadout",
      {readout_case("columns of what rows gave", stacked,
                    [=](const Tensors<double>& in) {
                      std::size_t at = 1;
                      const auto rows = read(stacked, Lines::rows, Variable<double>(in[0]), in, at);
                      const auto y = read(stacked, Lines::columns, rows, in, at);
                      return concat({global_avg_pool2d(y), global_max_pool2d(y)});
                    }),
       readout_case("last states of rows and columns", last,
                    [=](const Tensors<double>& in) {
                      std::size_t at = 1;
                      const Variable<double> x(in[0]);
                      const auto rows = last_of(read(last, Lines::rows, x, in, at), Lines::rows);
                      const auto columns =
                          last_of(read(last, Lines::columns, x, in, at), Lines::columns);
                      return concat({reshape(rows, {3, -1}), reshape(columns, {3, -1})});
                    }),
       readout_case("the largest of each column of a reduced map", reduced,
                    [=](const Tensors<double>& in) {
                      std::size_t at = 4;
                      const auto y = conv2d<double>(in[0], in[1]);
                      const auto map = relu(batch_norm<double>(y, in[2], in[3]));
                      const auto states = read(reduced, Lines::columns, map, in, at);
                      return concat({global_max_pool2d(slice(states, 2, 0, 1)),
                                     global_max_pool2d(slice(states, 2, 1, 1))});
                    }),
       readout_case("mean of the last states", mean_last,
                    [=](const Tensors<double>& in) {
                      std::size_t at = 1;
                      const auto y = read(mean_last, Lines::rows, Variable<double>(in[0]), in, at);
                      return cnnrnn::mean(last_of(y, Lines::rows), {1});
                    }),
       readout_case("mean of rows and of columns", mean,
                    [=](const Tensors<double>& in) {
                      std::size_t at = 1;
                      const Variable<double> x(in[0]);
                      const auto rows = read(mean, Lines::rows, x, in, at);
                      return concat({global_avg_pool2d(rows),
                                     global_avg_pool2d(read(mean, Lines::columns, x, in, at))});
                    })},
      {bad_map(readout_of(stacked), {1, 4, 4, 3},
               "RecurrentReadout: expected a feature map (1, 3, 4, 3), got (1, 4, 4, 3)"),
       bad_readout(
           {.channels = 3, .height = 0, .width = 4},
           "RecurrentReadout: expected positive channels, height and width, got 3, 0 and 4"),
       bad_readout({.channels = 3, .height = 4, .width = 6, .patch = 4},
                   "RecurrentReadout: expected a patch size that divides 4 and 6, got 4"),
       bad_readout(
           {.channels = 3, .height = 4, .width = 6, .reduced = -1},
           "RecurrentReadout: expected positive units, and 0 or more channels to reduce to, "
           "got 32 and -1")});
}

TEST_CASE("a read-out joins the last dense layer from nothing") {
  Random random(1);
  nn::RecurrentReadout<float> readout(
      {.channels = 3, .height = 4, .width = 4, .units = 4, .dropout = 0.5}, random);
  CHECK(readout.features() == 16);
  CHECK(readout.describe() ==
        "RecurrentReadout(map 4x4x3, patch 1x1, rows, then columns, gru 4, mean and max)");
  Random own(2);
  nn::Linear<float> joined(6 + 16, 2, {.zero_inputs = 16}, own);
  own = Random(2);
  nn::Linear<float> alone(6, 2, own);
  const Variable<float> features(random_tensor<float>({5, 6}, 3));
  const auto read = readout(Variable<float>(random_tensor<float>({5, 4, 4, 3}, 4)));
  CHECK(std::ranges::count(read.value().span(), 0.0F) > 0);  // dropped out
  const auto y = joined(concat({features, read})), z = alone(features);
  for (Index n = 0; n < 5; ++n) {
    CHECK(y.value()(n, 1) == Approx(z.value()(n, 1)));
  }
  readout.eval();
  const auto kept = readout(Variable<float>(random_tensor<float>({5, 4, 4, 3}, 4)));
  CHECK(std::ranges::count(kept.value().span(), 0.0F) == 0);
}
