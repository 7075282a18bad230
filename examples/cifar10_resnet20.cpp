// ResNet-20 of the paper, with and without RNN taps, from the command line.
#include "models/resnet20.hpp"
#include "program/run_network.hpp"

int main(int argc, char** argv) {
  return program::run_network<ResNet20>(
      argc, argv, "cifar10_resnet20",
      "ResNet-20, with and without the RNN taps of Yin, Zhang and Shao (2019), on 32x32 images.");
}
