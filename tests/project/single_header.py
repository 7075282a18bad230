"""The library in one file makes a program of two translation units that has nothing but it and Eigen."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

MAIN = """
#include "cnnrnn.hpp"
using namespace cnnrnn;
double squares(const Variable<float>& x);
int main() {
  Random random(1);
  nn::Sequential<float> model(nn::Linear<float>(3, 4, random), nn::Relu<float>());
  const Variable<float> x(Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  return squares(x) == 91 && model(x).shape() == Shape{2, 4} ? 0 : 1;
}
"""
OTHER = """
#include "cnnrnn.hpp"
double squares(const cnnrnn::Variable<float>& x) { return cnnrnn::sum(x * x).item(); }
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, args.source / "scripts/single_header.py", args.source / "include",
                        folder / "cnnrnn.hpp"], check=True)
        (folder / "main.cpp").write_text(MAIN)
        (folder / "other.cpp").write_text(OTHER)
        subprocess.run(["g++", "-std=c++20", *args.warnings, "-Werror", "-isystem", args.eigen,
                        folder / "main.cpp", folder / "other.cpp", "-o", folder / "program"], check=True)
        subprocess.run([folder / "program"], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
