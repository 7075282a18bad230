// The paper's networks: what comes out of them, how many numbers they train, and their names.
#include <algorithm>
#include <map>
#include <set>

#include "models/by_name.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

const std::map<std::string, Index> parameters{
    {"cnn", 2'168'554},
    {"cnn+lstm", 2'583'786},
    {"cnn+gru", 2'481'130},
    {"cnn+irnn", 2'275'818},
    {"cnn+convlstm", 2'253'162},
    {"vgg9", 3'511'754},
    {"vgg9+lstm", 4'592'586},
    {"resnet20", 269'722},
    {"resnet20+lstm", 763'802},
    {"cnn+irnn+sweep", 2'189'674},
    {"cnn+gru+sweep", 2'214'762},
    {"cnn+gru+readout", 2'296'042},
    {"vgg9+irnn+sweep", 3'549'642},
    {"resnet20+irnn+sweep", 290'842},
};

Index parameters_of(const NetworkOptions& options) {
  Random random(1);
  return CnnRnn<float>(options, random).parameter_count();
}

/// Logits for two images, and a gradient for each parameter.
void check_passes(nn::Layer<float>& model) {
  const auto logits = model(Variable<float>(random_tensor<float>({2, 32, 32, 3}, 1)));
  REQUIRE(logits.shape() == Shape{2, 10});
  logits.backward(random_tensor<float>({2, 10}, 2));
  for (const auto& [path, parameter] : model.named_parameters()) {
    CAPTURE(path);
    CHECK(parameter.grad().defined());
  }
}

}  // namespace

TEST_CASE("every network has the parameters of its layers") {
  for (const auto& name : network_names()) {
    CAPTURE(name);
    Random random(1);
    REQUIRE(parameters.contains(name));
    CHECK(make_network<float>(name, random)->parameter_count() == parameters.at(name));
  }
}

TEST_CASE("every network with every rnn makes logits, and a gradient for each parameter") {
  for (const std::string network : {"cnn", "vgg9", "resnet20"}) {
    for (const auto& rnn : rnn_names()) {
      CAPTURE(network, rnn);
      Random random(1);
      check_passes(*make_network<float>(rnn == "none" ? network : network + '+' + rnn, random));
    }
  }
}

TEST_CASE("sweeps and read-outs join every network, which begins as the plain one") {
  const Variable<float> x(random_tensor<float>({2, 32, 32, 3}, 1));
  for (const std::string network : {"cnn", "vgg9", "resnet20"}) {
    Random plain_random(1);
    const auto plain = (*make_network<float>(network, plain_random))(x);
    for (const std::string join : {"readout", "sweep"}) {
      for (const std::string rnn : {"lstm", "irnn", "convlstm"}) {
        CAPTURE(network, join, rnn);
        Random random(1);
        const auto model = make_network<float>(network + '+' + rnn + '+' + join, random);
        const auto logits = (*model)(x);
        for (Index k = 0; k < 10; ++k) {
          CHECK(logits.value()(1, k) == Approx(plain.value()(1, k)).margin(1e-4));
        }
        check_passes(*model);
      }
    }
  }
}

TEST_CASE("sweeps and read-outs are behind the stages that are asked for") {
  const auto names = [](const NetworkOptions& options) {
    Random random(1);
    Vgg9<float> network(options, random);
    std::set<std::string> found;
    for (const auto& [path, part] : network.named_modules()) {
      if (path.starts_with("sweeps.") || path.starts_with("taps.")) {
        found.insert(path.substr(0, path.find('.', path.find('.') + 1)));
      }
    }
    return found;
  };
  using Names = std::set<std::string>;
  CHECK(names({.rnn = "irnn", .join = "sweep"}) == Names{"sweeps.1"});
  CHECK(names({.rnn = "irnn", .join = "sweep", .after = "1,3"}) == Names{"sweeps.0", "sweeps.2"});
  CHECK(names({.rnn = "irnn", .join = "readout"}) == Names{"taps.0"});
  CHECK(names({.rnn = "irnn", .join = "readout", .after = "all"}) ==
        Names{"taps.0", "taps.1", "taps.2"});
  CHECK(parameters_of({.rnn = "lstm", .after = "2"}) ==
        parameters_of({.rnn = "lstm", .taps = "2"}));
}

TEST_CASE("controls are a convolution where a sweep would be, or wider dense layers") {
  const Index plain = parameters_of({});
  CHECK(parameters_of({.control = "convolution"}) == plain + 64 * 64 * 9 + 2 * 64);
  CHECK(parameters_of({.after = "1", .control = "convolution"}) == plain + 32 * 32 * 9 + 2 * 32);
  CHECK(parameters_of({.control = "dense"}) == plain + 4096 * 512 + 512 + 512 * 10);
  Random random(1);
  for (const std::string control : {"convolution", "dense"}) {
    Vgg9<float> vgg9({.control = control}, random);
    check_passes(vgg9);
    CHECK(vgg9.describe() == "Vgg9(rnn none, control " + control + ")");
  }
  ResNet20<float> resnet20({.control = "convolution"}, random);
  check_passes(resnet20);
}

TEST_CASE("dropout is in front of the last dense layer, in training") {
  const Variable<float> x(random_tensor<float>({2, 32, 32, 3}, 1));
  Random random(1);
  CnnRnn<float> model({.dropout = 0.5}, random);
  random = Random(1);
  CnnRnn<float> plain({}, random);
  CHECK(model.describe() == "CnnRnn(rnn none, dropout 0.5)");
  CHECK(model(x).value()(0, 0) != plain(x).value()(0, 0));
  model.eval();
  plain.eval();
  CHECK(model.named_parameters().back().first == plain.named_parameters().back().first);
}

TEST_CASE("every network takes every wavelet before its taps") {
  for (const auto& wavelet : wavelet_names()) {
    CAPTURE(wavelet);
    const NetworkOptions options{.rnn = "lstm", .wavelet = wavelet};
    Random random(1);
    CnnRnn<float> cnn(options, random);
    check_passes(cnn);
    ResNet20<float> resnet(options, random);
    check_passes(resnet);
    CHECK(Vgg9<float>(options, random).parameter_count() > 0);
  }
}

TEST_CASE("taps are where they are asked for") {
  const Index first = 142'848;
  const Index second = 272'384;
  CHECK(parameters_of({.rnn = "lstm", .taps = "1"}) == parameters.at("cnn") + first);
  CHECK(parameters_of({.rnn = "lstm", .taps = "2"}) == parameters.at("cnn") + second);
  CHECK(parameters_of({.rnn = "lstm", .taps = "1,2"}) == parameters.at("cnn+lstm"));
  Random random(1);
  CnnRnn<float> cnn({.rnn = "lstm", .taps = "2"}, random);
  check_passes(cnn);
  ResNet20<float> resnet({.rnn = "lstm", .taps = "1,3"}, random);
  check_passes(resnet);
}

TEST_CASE("cells have the peepholes that are asked for") {
  const Index lstm = parameters.at("cnn+lstm") + 2 * 2 * 3 * 32;  // taps, directions, gates
  const Index conv_lstm = parameters.at("cnn+convlstm");
  CHECK(parameters_of({.rnn = "lstm", .peepholes = "none"}) == parameters.at("cnn+lstm"));
  CHECK(parameters_of({.rnn = "lstm", .peepholes = "current"}) == lstm);
  CHECK(parameters_of({.rnn = "gru", .peepholes = "none"}) == parameters.at("cnn+gru"));
  CHECK(parameters_of({.rnn = "convlstm", .peepholes = "current"}) == conv_lstm);
  CHECK(parameters_of({.rnn = "convlstm", .peepholes = "previous"}) == conv_lstm);
  CHECK(parameters_of({.rnn = "convlstm", .peepholes = "none"}) ==
        conv_lstm - 2 * 2 * 3 * 8 * 4 * 4);
  CHECK(peephole_names() == std::vector<std::string>{"default", "none", "current", "previous"});
}

TEST_CASE("the form of the peepholes is that of the cell") {
  for (const auto& cell : tap_cells<float>()) {
    for (const auto& form : cell.peepholes) {
      CAPTURE(cell.name, form.name);
      Random random(1);
      auto tap = form.make({.channels = 1, .height = 4, .width = 4}, random);
      const std::string text = tap.rnn().describe();
      if (cell.name == "convlstm") {
        CHECK_THAT(text, Contains((form.name == "none" ? "no" : form.name) + " peepholes"));
      } else {
        CHECK((text.find("peepholes") == std::string::npos) == (form.name == "none"));
      }
    }
  }
}

TEST_CASE("networks say what they are") {
  Random random(1);
  CHECK(make_network<float>("cnn", random)->describe() == "CnnRnn(rnn none)");
  CHECK(make_network<float>("vgg9+lstm", random)->describe() == "Vgg9(rnn lstm)");
  CHECK(ResNet20<float>({.rnn = "lstm", .taps = "1,3"}, random).describe() ==
        "ResNet20(rnn lstm, taps 1,3)");
  CHECK(CnnRnn<float>({.rnn = "convlstm", .peepholes = "previous"}, random).describe() ==
        "CnnRnn(rnn convlstm, peepholes previous)");
  CHECK(CnnRnn<float>({.rnn = "gru", .join = "sweep", .after = "1"}, random).describe() ==
        "CnnRnn(rnn gru, join sweep, after 1)");
}

TEST_CASE("the classes are an option") {
  Random random(1);
  const Variable<float> image(random_tensor<float>({1, 32, 32, 3}, 1));
  CnnRnn<float> cnn({.classes = 3}, random);
  ResNet20<float> resnet({.classes = 5}, random);
  CHECK(cnn(image).shape() == Shape{1, 3});
  CHECK(resnet(image).shape() == Shape{1, 5});
}

TEST_CASE("networks say what they expected and what came") {
  Random random(1);
  CHECK_THROWS_WITH(make_network<float>("alexnet", random),
                    "expected a network cnn, vgg9 or resnet20, got alexnet");
  CHECK_THROWS_WITH(make_network<float>("cnn+gpt", random),
                    Contains("CnnRnn: expected rnn none") && Contains("got gpt"));
  CHECK_THROWS_AS(make_network<float>("vgg9+", random), ValueError);
  CHECK_THROWS_AS(make_network<float>("resnet20+x", random), ValueError);
  CHECK_THROWS_WITH(Vgg9<float>({.rnn = "lstm", .wavelet = "bow"}, random),
                    Contains("Vgg9: expected wavelet none") && Contains("got bow"));
  for (const std::string taps : {"", "0", "3", "2,1", "1,1", "1,", ",1", "1 2", "one", "-1"}) {
    CHECK_THROWS_WITH(parameters_of({.rnn = "lstm", .taps = taps}),
                      "CnnRnn: expected taps all, or stages from 1 to 2 as in 1,2, got " + taps);
  }
  CHECK_THROWS_WITH(parameters_of({.taps = "1"}),
                    "CnnRnn: expected an rnn behind a wavelet, at chosen stages or with peepholes, "
                    "got rnn none");
  CHECK_THROWS_AS(parameters_of({.peepholes = "current"}), ValueError);
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .join = "glue"}),
                    "CnnRnn: expected join tap, readout or sweep, got glue");
  CHECK_THROWS_WITH(parameters_of({.join = "sweep"}),
                    "CnnRnn: expected an rnn to join the network, got rnn none");
  CHECK_THROWS_WITH(parameters_of({.control = "luck"}),
                    "CnnRnn: expected control none, convolution or dense, got luck");
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .control = "dense"}),
                    "CnnRnn: expected an rnn or a control in place of one, got rnn gru and control "
                    "dense");
  CHECK_THROWS_AS(parameters_of({.after = "1", .control = "dense"}), ValueError);
  CHECK_THROWS_WITH(ResNet20<float>({.control = "dense"}, random),
                    "ResNet20: expected control none or convolution, since it has no hidden dense "
                    "layer, got dense");
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .join = "sweep", .wavelet = "haar"}),
                    "CnnRnn: expected no wavelet and no taps for join sweep, got wavelet haar and "
                    "taps all");
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .join = "sweep", .after = "3"}),
                    "CnnRnn: expected after default, all, or stages from 1 to 2 as in 1,2, got 3");
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .after = "1", .taps = "2"}),
                    "CnnRnn: expected the stages of the taps once, got after 1 and taps 2");
  CHECK_THROWS_WITH(parameters_of({.rnn = "lstm", .peepholes = "previous"}),
                    "CnnRnn: expected peepholes default, none or current for rnn lstm, got "
                    "previous");
  CHECK_THROWS_WITH(parameters_of({.rnn = "gru", .peepholes = "current"}),
                    "CnnRnn: expected peepholes default or none for rnn gru, got current");
}

TEST_CASE("a wavelet in front of a tap wants maps that it can halve") {
  Random random(1);
  const NetworkOptions options{.rnn = "lstm", .wavelet = "haar"};
  const auto taps = [&](Index height, Index width) {
    const TapMaps maps{{.channels = 2, .height = 8, .width = 8},
                       {.channels = 2, .height = height, .width = width, .patch = 1}};
    return RnnTaps<float>("Own", options, maps, random).features();
  };
  CHECK(taps(4, 6) == 2 * 32 + 2 * 2 * 32);
  CHECK_THROWS_WITH(taps(5, 6), "Own: expected maps of even size before wavelet haar, got 5x6");
  CHECK_THROWS_WITH(taps(4, 7), "Own: expected maps of even size before wavelet haar, got 4x7");
}
