"""Compiles instruction_sets.cpp for one instruction set, with the strict warnings as errors, and runs
it: on this processor, or for another architecture under an emulator. The instruction set that the other
tests are compiled for is theirs to test."""

import argparse
import pathlib
import platform
import shutil
import sys
import tempfile

from commands import run, skip

# The names are the library's; on the right the compiler's options, and what the processor says it
# has.
V4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
X86 = {
    "scalar_avx2_fma": (["-march=x86-64-v3", "-DEIGEN_DONT_VECTORIZE"], {"avx2", "fma"}),
    "sse2": (["-march=x86-64"], {"sse2"}),
    "avx2_fma": (["-march=x86-64-v3"], {"avx2", "fma"}),
    "avx512": (["-march=x86-64-v4"], V4),
    "avx512_bf16": (["-march=x86-64-v4", "-mavx512bf16"], V4 | {"avx512_bf16"}),
}


def require(tool, package):
    if not shutil.which(tool):
        skip(f"there is no {tool} (Debian: {package})")
    return tool


def processor_flags():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split())
    return set()


def tested_elsewhere(args):
    """Whether all other tests are compiled for the instruction set."""
    compiler = shutil.which("g++")
    text = compiler and run(compiler, *args.others.split(), f"-I{args.source / 'include'}", "-x", "c++", "-E", "-",
                            input='#include "cnnrnn/core/namespace.hpp"\nCNNRNN_ISA\n')
    return bool(text) and text.split()[-1] == f"isa_{args.name}"


def x86(name):
    """The compiler's command, that to run a program, and what this processor lacks for it."""
    if platform.machine() not in ("x86_64", "AMD64"):
        skip(f"{name} is no instruction set of {platform.machine()}")
    options, flags = X86[name]
    return [require("g++", "g++"), *options], [], flags - processor_flags()


def neon():
    if platform.machine() == "aarch64":
        return [require("g++", "g++")], [], set()
    # Static, so that the emulator needs no libraries of the other architecture.
    compiler = require("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu")
    return [compiler, "-static"], [require("qemu-aarch64-static", "qemu-user-static")], set()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--others", default="",
                        help="the processor's options that the other tests are compiled with")
    parser.add_argument("name", choices=[*X86, "neon"])
    args = parser.parse_args()

    if tested_elsewhere(args):
        skip(f"all other tests are compiled for {args.name}")
    compiler, launcher, lacking = neon() if args.name == "neon" else x86(args.name)
    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work) / "program"
        run(*compiler, "-std=c++20", "-O1", *args.warnings, "-Werror",
            f"-I{args.source / 'include'}", f"-I{args.source / 'tests'}", f"-isystem{args.eigen}",
            args.source / "tests" / "project" / "instruction_sets.cpp", "-o", program)
        if lacking:
            skip(f"compiled, but not run, because this processor lacks {' '.join(sorted(lacking))}")
        compiled_for = run(*launcher, program).strip()
    if compiled_for != args.name:
        sys.exit(f"expected a program for {args.name}, got one for {compiled_for}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
