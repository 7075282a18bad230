// VGGNet-9 of the paper, with and without RNN taps, from the command line.
#include "models/vgg9.hpp"
#include "program/run_network.hpp"

int main(int argc, char** argv) {
  return program::run_network<Vgg9>(
      argc, argv, "cifar10_vgg9",
      "VGGNet-9, with and without the RNN taps of Yin, Zhang and Shao (2019), on 32x32 images.");
}
