"""Compiles every header alone, or all of them together, with the strict warnings as errors. Only
Eigen is a system header.

Where a header is compiled alone, what it includes anyway is parsed once, as a precompiled header: since
includes come first in a header, it sees the same either way.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

# What is precompiled, each with all before it: a header takes the most of them that it includes.
PRECOMPILED = ("core/error.hpp", "core/tensor.hpp", "core/simd.hpp", "core/parallel.hpp",
               "autograd/record.hpp", "kernels/pointwise.hpp", "nn/module.hpp")
INCLUDE = re.compile(r"^ *#include [<\"](cnnrnn/[^>\"]+)", re.MULTILINE)


class Headers:
    """Who includes whom."""

    def __init__(self, include):
        self.include, self.found = include, {}

    def included(self, header):
        """All that a header includes, itself too."""
        if header not in self.found:
            self.found[header] = {header}
            for other in INCLUDE.findall((self.include / header).read_text()):
                self.found[header] |= self.included(other)
        return self.found[header]

    def precompiled_for(self, header):
        """How many of PRECOMPILED a header includes, from the first on."""
        others = self.included(header) - {header}
        return next((i for i, name in enumerate(PRECOMPILED) if f"cnnrnn/{name}" not in others),
                    len(PRECOMPILED))


def compile_headers(command, headers, *options):
    """The compiler's messages, empty if there are none."""
    source = "".join(f"#include <{header}>\n" for header in headers)
    result = subprocess.run([*command, *options, "-"], input=source, capture_output=True, text=True,
                            check=False)
    return result.stderr if result.returncode else ""


def compile_alone(command, headers, include):
    """The messages for each header, included twice to see that the guards are there."""
    known = Headers(include)
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        def precompile(count):
            names = [f"cnnrnn/{name}" for name in PRECOMPILED[:count]]
            return compile_headers(command, names, "-xc++-header", "-o", f"{folder}/{count}.pch")

        def compile_one(header):
            count = known.precompiled_for(header)
            options = ["-include-pch", f"{folder}/{count}.pch"] if count else []
            return compile_headers(command, [header] * 2, "-fsyntax-only", *options)

        precompiled = "".join(pool.map(precompile, range(1, len(PRECOMPILED) + 1)))
        return [precompiled] if precompiled else list(pool.map(compile_one, headers))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--openmp", action="store_true")
    parser.add_argument("--mpi", nargs="*", default=[], help="folders of mpi.h")
    parser.add_argument("--without", default="nothing", help="a folder of headers to leave out")
    parser.add_argument("--together", action="store_true",
                        help="all in one translation unit; else the compiler is a clang")
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    include = args.source / "include"
    headers = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.hpp")
                     if not path.is_relative_to(include / "cnnrnn" / args.without))
    command = [args.compiler, "-std=c++20", *args.warnings, "-Werror"]
    command += ["-fopenmp"] if args.openmp else []
    command += [f"-I{include}", "-isystem", args.eigen]
    command += [f"-idirafter{folder}" for folder in args.mpi] + ["-x", "c++"]

    if args.together:
        messages = [compile_headers(command, headers * 2, "-fsyntax-only")]
    else:
        messages = compile_alone(command, headers, include)
    failed = [message for message in messages if message]
    print("\n".join(failed))
    print(f"{len(headers)} headers: {len(messages) - len(failed)} of {len(messages)} units compile")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
