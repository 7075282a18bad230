#!/usr/bin/env python3
"""Measures what it costs to include the library: compile time and the compiler's memory, at -O2.

Compares <cnnrnn/cnnrnn.hpp> with <Eigen/Core>, which it includes, and a small training program with
the same program written for libtorch (Debian: libtorch-dev).
"""

import argparse
import dataclasses
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OWN_PROGRAM = ROOT / "examples" / "quick_start.cpp"
LIBTORCH_PROGRAM = ROOT / "benchmarks" / "compile_time" / "libtorch.cpp"

# What --check enforces: (what, against what, highest ratio).
LIMITS = [("cnnrnn.hpp", "Eigen/Core", 3.0), ("program", "program, libtorch", 0.5)]


@dataclasses.dataclass
class Case:
    name: str
    command: list
    source: str = ""  # on the standard input, unless the command names a file
    seconds: list = dataclasses.field(default_factory=list)
    megabytes: float = 0

    def compile(self):
        start = time.perf_counter()
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True)
        process.stdin.write(self.source)
        process.stdin.close()
        # wait4 includes the children: g++ only drives the actual compiler.
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds.append(time.perf_counter() - start)
        self.megabytes = max(self.megabytes, usage.ru_maxrss / 1024)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"does not compile: {shlex.join(self.command)}")

    @property
    def median(self):
        return statistics.median(self.seconds)


def make_cases(args, folder):
    command = [args.compiler, "-O2", "-c", "-o", os.path.join(folder, "object.o")]
    own = [*command, "-std=c++20", f"-I{ROOT / 'include'}", f"-isystem{args.eigen}"]
    header = [*own, "-x", "c++", "-"]
    libtorch = ["-w", f"-std={args.libtorch_standard}", f"-I{args.libtorch}",
                f"-I{args.libtorch / 'torch/csrc/api/include'}"]
    return [
        Case("Eigen/Core", header, "#include <Eigen/Core>\n"),
        Case("cnnrnn.hpp", header, "#include <cnnrnn/cnnrnn.hpp>\n"),
        Case("program", [*own, str(args.program)]),
        Case("program, libtorch", [*command, *libtorch, str(LIBTORCH_PROGRAM)]),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--eigen", default="/usr/include/eigen3", help="Eigen's include folder")
    parser.add_argument("--libtorch", type=pathlib.Path, default=pathlib.Path("/usr/include"),
                        metavar="DIR", help="libtorch's include folder: Debian's, or torch/include of "
                                            "PyTorch's Python package")
    parser.add_argument("--libtorch-standard", default="c++17", help="the latest PyTorch needs c++20")
    parser.add_argument("--program", type=pathlib.Path, default=OWN_PROGRAM)
    parser.add_argument("--repeat", type=int, default=5,
                        help="number of compilations, for the median; default: 5")
    parser.add_argument("--check", action="store_true", help="fail if a limit is exceeded")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        cases = {case.name: case for case in make_cases(args, folder)}
        # Round after round, so that a slow minute of the machine affects every case.
        for _ in range(args.repeat):
            for case in cases.values():
                case.compile()

    print(f"{'':20}{'seconds':>10}{'MB':>8}")
    for case in cases.values():
        print(f"{case.name:20}{case.median:10.2f}{case.megabytes:8.0f}")
    print()
    kept = True
    for name, reference, limit in LIMITS:
        ratio = cases[name].median / cases[reference].median
        kept = kept and ratio <= limit
        print(f"{name} / {reference}: {ratio:.2f} (at most {limit})")
    return 1 if args.check and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
