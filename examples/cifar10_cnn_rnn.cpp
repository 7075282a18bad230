// The CNN and the CNN-RNN of the paper, from the command line.
#include "models/cnn_rnn.hpp"
#include "program/run_network.hpp"

int main(int argc, char** argv) {
  return program::run_network<CnnRnn>(
      argc, argv, "cifar10_cnn_rnn",
      "The CNN and the CNN-RNN of Yin, Zhang and Shao (2019) on 32x32 images.");
}
