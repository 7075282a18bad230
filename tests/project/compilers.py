"""Compiles a program of the umbrella with every compiler that is installed, as C++20 and C++23, the
warnings as errors, and with Eigen as the program's own header; and links objects for two processors
with optimisation at link time.
"""

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMPILERS = (["g++"], ["g++-13"], ["g++-14"], ["clang++"], ["clang++-14"], ["clang++-16"],
             ["clang++-19"], ["clang++-19", "-stdlib=libc++"])

PROGRAM = """
#include <cnnrnn/cnnrnn.hpp>
using namespace cnnrnn;
double other(const Variable<float>& x);
#ifdef OTHER
double other(const Variable<float>& x) { return sum(x * x).item(); }
#else
int main() {
  const Variable<float> x(Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const Variable<float> sums = sum(x + x, {1});
  return sums.value()(0) == 12 && other(x) == 91 ? 0 : 1;
}
#endif
"""


def compile_with(compiler, standard, args, eigen):
    """The compiler's messages, empty if there are none."""
    command = [*compiler, standard, "-fsyntax-only", "-Werror", *eigen, f"-I{args.source / 'include'}",
               args.source / "examples/consumer/main.cpp"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{' '.join(map(str, command))}\n{result.stderr[:3000]}" if result.returncode else ""


def link_two_processors(args):
    """What g++ says of objects for two processors that are optimised when they are linked."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        flags = ["g++", "-std=c++20", "-O1", "-flto", f"-I{args.source / 'include'}", "-isystem", args.eigen]
        for processor, defines in (("x86-64", []), ("x86-64-v2", ["-DOTHER"])):
            subprocess.run([*flags, f"-march={processor}", *defines, "-x", "c++", "-c", "-", "-o",
                            folder / f"{processor}.o"], input=PROGRAM, text=True, check=True)
        result = subprocess.run(["g++", "-O1", "-flto", "-Werror", *folder.glob("*.o"), "-o", folder / "program"],
                                capture_output=True, text=True, check=False)
        if result.returncode == 0:
            result = subprocess.run([folder / "program"], capture_output=True, text=True, check=False)
            return "" if result.returncode == 0 else "the program of two processors computes wrong"
        return f"-flto: {result.stderr[:3000]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    args = parser.parse_args()
    found = [compiler for compiler in COMPILERS if shutil.which(compiler[0])]
    # Two names may be one compiler.
    installed = list({(os.path.realpath(shutil.which(c[0])), *c[1:]): c for c in found}.values())
    print("compilers:", ", ".join(" ".join(compiler) for compiler in installed))
    system = [*args.warnings, "-isystem", args.eigen]
    own = ["-Wall", "-Wextra", f"-I{args.eigen}"]
    tasks = [(c, "-std=c++20", args, system) for c in installed]
    tasks += [(c, "-std=c++2b", args, own) for c in installed]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        linked = pool.submit(link_two_processors, args) if os.uname().machine == "x86_64" else None
        problems = list(pool.map(lambda task: compile_with(*task), tasks))
        problems += [linked.result()] if linked else []
    failed = [problem for problem in problems if problem]
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
