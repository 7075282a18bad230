"""Compiles fork.cpp with one compiler, links it with the OpenMP of the same or of another, and runs
it."""

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
    parser.add_argument("compiler")
    parser.add_argument("linker", help="a compiler too: whose OpenMP the program runs on")
    args = parser.parse_args()
    for tool in (args.compiler, args.linker):
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}")
            return SKIPPED

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
