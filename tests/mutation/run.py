"""Breaks the library on purpose, one place at a time (mutations.py), and expects a test to fail.

For each mutation it copies the headers, changes the one place, and builds and runs the named test
program; the tests must pass before, and fail after. It touches nothing in the tree.

  run.py --check               each mutation's text is in its header, once
  run.py [--from K] [--to L]   the mutations K to L, all by default; prints a line each
         [--work FOLDER]       keeps there what is compiled once, for the next call
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from mutations import MUTATIONS

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=c++20", "-O1", "-march=native", "-fopenmp", "-w"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
SECONDS = 300


def unfit():
    """What is wrong with the table, a line each."""
    for header, old, new, program in MUTATIONS:
        path = SOURCE / "include" / "cnnrnn" / header
        count = path.read_text(encoding="utf-8").count(old) if path.is_file() else 0
        if count != 1 or old == new:
            yield f"{header}: expected '{old}' once, got it {count} times"
        if not (SOURCE / "tests" / f"{program}_test.cpp").is_file():
            yield f"{header}: there is no test program {program}"


class Builder:
    """Compiles test programs against a copy of the headers."""

    def __init__(self, args, work):
        self.args, self.work = args, pathlib.Path(work)
        self.include = self.work / "include"
        shutil.rmtree(self.include, ignore_errors=True)
        shutil.copytree(SOURCE / "include", self.include)
        # What no mutation needs anew comes last to the linker, which keeps the first definitions.
        self.main = [self.once(name) for name in ("catch_main", "fixture", "op_table")]

    def once(self, name):
        target = self.work / f"{name}.o"
        source = SOURCE / "tests" / "support" / f"{name}.cpp"
        sources = [source, *(SOURCE / "include").rglob("*.hpp"), *source.parent.glob("*.hpp")]
        newest = max(path.stat().st_mtime for path in sources)
        is_new = target.is_file() and target.stat().st_mtime > newest
        return target if is_new else self.compile(source, name)

    def compile(self, source, name):
        target = self.work / f"{name}.o"
        folders = [self.include, SOURCE / "tests", SOURCE / "examples"]
        fixtures = f'-DCNNRNN_TEST_FIXTURES="{SOURCE}/tests/fixtures"'
        subprocess.run([self.args.compiler, *FLAGS, *(f"-I{folder}" for folder in folders),
                        "-isystem", self.args.eigen, fixtures, "-c", source, "-o", target],
                       check=True)
        return target

    def fails(self, program):
        """Whether the tests of the program fail. A crash and an endless loop are failures too."""
        test = self.compile(SOURCE / "tests" / f"{program}_test.cpp", "test")
        subprocess.run([self.args.compiler, "-fopenmp", test, *self.main, "-o", self.work / "test"],
                       check=True)
        try:
            result = subprocess.run([self.work / "test", "--abort"], env=ENVIRONMENT,
                                    timeout=SECONDS, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return True
        return result.returncode != 0

    def caught(self, header, old, new, program):
        path = self.include / "cnnrnn" / header
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(old, new), encoding="utf-8")
        try:
            return self.fails(program)
        finally:
            path.write_text(text, encoding="utf-8")


def run(args):
    chosen = list(enumerate(MUTATIONS, 1))[args.first - 1:args.last]
    survivors = 0
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(args, args.work or work)
        for program in sorted({mutation[3] for _, mutation in chosen}):
            if builder.fails(program):
                sys.exit(f"{program} fails as it is")
        for number, mutation in chosen:
            caught = builder.caught(*mutation)
            survivors += not caught
            print(number, "caught" if caught else "SURVIVED", mutation[0], mutation[1], sep=" | ",
                  flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} mutations caught")
    return 1 if survivors else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=len(MUTATIONS))
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--eigen", default="/usr/include/eigen3")
    args = parser.parse_args()
    problems = list(unfit())
    print("\n".join(problems) or f"{len(MUTATIONS)} mutations have their place")
    return 1 if problems else 0 if args.check else run(args)


if __name__ == "__main__":
    sys.exit(main())
