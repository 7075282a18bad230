// The CNN and the CNN-RNN of the paper, from the command line.
#include "models/cnn_rnn.hpp"
#include "program/run.hpp"

int main(int argc, char** argv) {
  return program::run(
      argc, argv,
      {.name = "cifar10_cnn_rnn",
       .summary = "The CNN and the CNN-RNN of Yin, Zhang and Shao (2019) on 32x32 images.",
       .rnns = {"none", "lstm"},
       .make = [](const program::ModelChoice& choice, cnnrnn::Random& random) {
         const NetworkOptions options{.rnn = choice.rnn, .classes = choice.classes};
         return std::make_unique<CnnRnn<float>>(options, random);
       }});
}
