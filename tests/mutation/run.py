"""Mutation testing: breaks the library in one place at a time and expects a test to fail.

Each mutation of mutations.py changes one place in a copy of the headers. The test program named with
it is built and run; it must pass without the mutation and fail with it. "distributed/ranks" is no
test program but what ranks.py runs, and needs MPI. The source tree is not modified.

  run.py --check               check that each mutation's text occurs exactly once in its header
  run.py [--from K] [--to L]   run the mutations K to L (default: all) and print a line for each
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
RANKS = "distributed/ranks"
FLAGS = ["-std=c++20", "-O1", "-march=native", "-fopenmp", "-w"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
SECONDS = 300


def source_of(program):
    return SOURCE / "tests" / (f"{program}.cpp" if program == RANKS else f"{program}_test.cpp")


def unfit():
    """Yields a line for each fault in the table of mutations."""
    for header, old, new, program in MUTATIONS:
        path = SOURCE / "include" / "cnnrnn" / header
        count = path.read_text(encoding="utf-8").count(old) if path.is_file() else 0
        if count != 1 or old == new:
            yield f"{header}: expected '{old}' once, found it {count} times"
        if not source_of(program).is_file():
            yield f"{header}: there is no test program {program}"


class Builder:
    """Compiles test programs against a copy of the headers."""

    def __init__(self, args, work):
        self.args, self.work = args, pathlib.Path(work)
        self.include = self.work / "include"
        shutil.rmtree(self.include, ignore_errors=True)
        shutil.copytree(SOURCE / "include", self.include)
        # These are not recompiled for each mutation. They come last to the linker, which keeps the
        # first definition of a function: the mutated one.
        self.main = [self.once(name) for name in ("catch_main", "fixture", "op_table")]

    def once(self, name):
        target = self.work / f"{name}.o"
        source = SOURCE / "tests" / "support" / f"{name}.cpp"
        sources = [source, *(SOURCE / "include").rglob("*.hpp"), *source.parent.glob("*.hpp")]
        newest = max(path.stat().st_mtime for path in sources)
        is_new = target.is_file() and target.stat().st_mtime > newest
        return target if is_new else self.compile(source, name)

    def compile(self, source, name, compiler=None):
        target = self.work / f"{name}.o"
        folders = [self.include, SOURCE / "tests", SOURCE / "examples"]
        fixtures = f'-DCNNRNN_TEST_FIXTURES="{SOURCE}/tests/fixtures"'
        subprocess.run([compiler or self.args.compiler, *FLAGS, *(f"-I{folder}" for folder in folders),
                        "-isystem", self.args.eigen, fixtures, "-c", source, "-o", target],
                       check=True)
        return target

    def fails(self, program):
        """Whether the test program fails. A crash or an endless loop counts as a failure."""
        compiler = "mpicxx" if program == RANKS else self.args.compiler
        test = self.compile(source_of(program), "test", compiler)
        main = [self.work / "fixture.o"] if program == RANKS else self.main
        subprocess.run([compiler, "-fopenmp", test, *main, "-o", self.work / "test"], check=True)
        command = [self.work / "test", "--abort"]
        if program == RANKS:
            command = [sys.executable, SOURCE / "tests" / f"{RANKS}.py", "mpirun", self.work / "test"]
        try:
            result = subprocess.run(command, env=ENVIRONMENT, timeout=SECONDS, stdout=subprocess.DEVNULL,
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
                sys.exit(f"{program} fails without a mutation")
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
    parser.add_argument("--check", action="store_true", help="only check the table of mutations")
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="K",
                        help="first mutation (default: %(default)s)")
    parser.add_argument("--to", dest="last", type=int, default=len(MUTATIONS), metavar="L",
                        help="last mutation (default: %(default)s)")
    parser.add_argument("--work", type=pathlib.Path, metavar="FOLDER",
                        help="keep the objects that are compiled once here, for the next call")
    parser.add_argument("--compiler", default="g++", help="default: %(default)s")
    parser.add_argument("--eigen", default="/usr/include/eigen3", metavar="FOLDER",
                        help="Eigen's headers (default: %(default)s)")
    args = parser.parse_args()
    problems = list(unfit())
    print("\n".join(problems) or f"{len(MUTATIONS)} mutations: each text occurs exactly once")
    return 1 if problems else 0 if args.check else run(args)


if __name__ == "__main__":
    sys.exit(main())
