"""Compiles every header alone, or all of them together, with the strict warnings as errors. Only
Eigen is a system header."""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77


def compile_headers(command, headers):
    """The compiler's messages, empty if there are none. Twice, to see that the guards are there."""
    source = "".join(f"#include <{header}>\n" for header in headers) * 2
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--openmp", action="store_true")
    parser.add_argument("--mpi", nargs="*", default=[], help="folders of mpi.h")
    parser.add_argument("--without", default="nothing", help="a folder of headers to leave out")
    parser.add_argument("--together", action="store_true", help="all in one translation unit")
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    include = args.source / "include"
    headers = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.hpp")
                     if not path.is_relative_to(include / "cnnrnn" / args.without))
    command = [args.compiler, "-std=c++20", "-fsyntax-only", *args.warnings, "-Werror"]
    command += ["-fopenmp"] if args.openmp else []
    command += [f"-I{include}", "-isystem", args.eigen]
    command += [f"-idirafter{folder}" for folder in args.mpi] + ["-x", "c++", "-"]

    units = [headers] if args.together else [[header] for header in headers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        messages = list(pool.map(lambda unit: compile_headers(command, unit), units))
    failed = [(unit, message) for unit, message in zip(units, messages) if message]
    for unit, message in failed:
        print(f"--- {' '.join(unit)}\n{message}")
    print(f"{len(headers)} headers: {len(units) - len(failed)} of {len(units)} units compile")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
