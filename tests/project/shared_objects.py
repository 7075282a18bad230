"""Builds a program and two shared objects with hidden visibility from the folder shared_objects, and
runs it: all three must have the same global state and exceptions."""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def run(*command):
    """Runs a command; a failure prints all it said and ends the test."""
    command = [str(part) for part in command]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}exit code {result.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    sources = args.source / "tests" / "project" / "shared_objects"
    compile_hidden = [args.compiler, "-std=c++20", "-O1", "-fopenmp", *args.warnings, "-Werror",
                      "-fvisibility=hidden", "-fvisibility-inlines-hidden",
                      f"-I{args.source / 'include'}", f"-isystem{args.eigen}"]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        plugins = [work / "first.so", work / "second.so"]
        run(*compile_hidden, "-fPIC", "-shared", sources / "plugin.cpp", "-o", plugins[0])
        shutil.copy(*plugins)
        run(*compile_hidden, "-rdynamic", sources / "program.cpp", "-ldl", "-o", work / "program")
        run(work / "program", *plugins)
    return 0


if __name__ == "__main__":
    sys.exit(main())
