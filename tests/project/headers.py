"""Compiles every header alone, with the strict warnings as errors. Only Eigen is a system header."""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77


def compile_alone(command, header):
    """The compiler's messages, empty if there are none. Twice, to see that the guard is there."""
    source = f"#include <{header}>\n" * 2
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--openmp", action="store_true")
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    include = args.source / "include"
    headers = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.hpp"))
    command = [args.compiler, "-std=c++20", "-fsyntax-only", *args.warnings, "-Werror"]
    command += ["-fopenmp"] if args.openmp else []
    command += [f"-I{include}", "-isystem", args.eigen, "-x", "c++", "-"]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        messages = list(pool.map(lambda header: compile_alone(command, header), headers))
    failed = [(header, message) for header, message in zip(headers, messages) if message]
    for header, message in failed:
        print(f"--- {header}\n{message}")
    print(f"{len(headers) - len(failed)} of {len(headers)} headers compile alone")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
