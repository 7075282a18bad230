"""Compiles fork.cpp with one compiler, links it with the OpenMP of the same or of another, and runs
it."""

import argparse
import pathlib
import sys
import tempfile

from commands import need, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("compiler")
    parser.add_argument("linker", help="a compiler too: whose OpenMP the program runs on")
    args = parser.parse_args()
    need(args.compiler, args.linker)

    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work) / "fork"
        run(args.compiler, "-std=c++20", "-O1", "-fopenmp", *args.warnings, "-Werror",
            f"-I{args.source / 'include'}", f"-isystem{args.eigen}", "-c",
            args.source / "tests" / "project" / "fork.cpp", "-o", f"{program}.o")
        run(args.linker, "-fopenmp", f"{program}.o", "-o", program)
        run(program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
