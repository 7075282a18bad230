"""Builds a program and two shared objects with hidden visibility from the folder shared_objects, and
runs it: all three must have the same global state and exceptions."""

import argparse
import pathlib
import shutil
import sys
import tempfile

from commands import need, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    args = parser.parse_args()
    need(args.compiler)

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
