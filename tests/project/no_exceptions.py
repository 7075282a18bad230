"""Without exceptions the library does not compile, and the first thing the compiler says is why."""

import argparse
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77
REASON = "expected a compiler with exceptions, got -fno-exceptions"


def first_error(compiler, include, *flags):
    """The first line with an error in what the compiler says to the header of errors."""
    result = subprocess.run(
        [compiler, "-std=c++20", "-fsyntax-only", f"-I{include}", *flags, "-x", "c++", "-"],
        input="#include <cnnrnn/core/error.hpp>\n", capture_output=True, text=True, check=False)
    return next((line for line in result.stderr.splitlines() if "error:" in line), "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", required=True)
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    include = args.source / "include"
    plain, without = (first_error(args.compiler, include, *flags)
                      for flags in ([], ["-fno-exceptions"]))
    if plain:
        print(f"expected no error with exceptions, got {plain}")
    if REASON not in without:
        print(f"expected an error with '{REASON}', got '{without}'")
    return 1 if plain or REASON not in without else 0


if __name__ == "__main__":
    sys.exit(main())
