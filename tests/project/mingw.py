"""Builds programs for Windows with MinGW-w64 and runs them under Wine: tests, the program of the
README, and a run that is stopped, resumed, evaluated and applied, whose files are the same bytes as on
Linux. Names of folders have spaces and characters of several scripts.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
GCC = "x86_64-w64-mingw32-g++-posix"
WINE = ("wine64", "wine", "/usr/lib/wine/wine64")

# GCC for Windows must not store vectors as if its stack were aligned; see docs/compilers.md.
FOR_WINDOWS = ["-Wa,-mbig-obj,-muse-unaligned-vector-move"]
# One instruction set on both sides; -O1, because a compiler may fuse other operations at -O3.
OPTIONS = ["-std=c++20", "-O1", "-march=x86-64-v3", "-fopenmp"]

PROGRAM = "tests/project/mingw/program.cpp"
INSTANCES = "cmake/instances"

# One program of tests: what the system does, files, safetensors, Ctrl-C.
TESTS = ["support/catch_main.cpp", "system/files_test.cpp", "system/thread_object_test.cpp",
         "io/safetensors_test.cpp", "train/interrupt_test.cpp"]

# Functions of the C library that MinGW-w64 computes otherwise than glibc; docs/compilers.md has them.
OTHER_FUNCTIONS = {"cos", "exp", "exp of float", "hypot", "log", "log of float", "log1p", "pow",
                   "pow of whole numbers", "sin"}


class Build:
    """What compiles programs into a folder."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        headers = folder / "headers"  # Debian's lie among the headers of Linux
        headers.mkdir()
        for name in ("nlohmann", "catch2"):
            for place in args.opt_in:
                if (pathlib.Path(place) / name).exists() and not (headers / name).exists():
                    (headers / name).symlink_to(pathlib.Path(place) / name)
        source = args.source
        self.includes = [f"-I{source / 'include'}", f"-I{source / 'tests'}",
                         "-isystem", args.eigen, "-isystem", str(headers),
                         f'-DCNNRNN_TEST_FIXTURES="{source / "tests/fixtures"}"']

    def run(self, command, **options):
        return subprocess.run([str(part) for part in command], check=True, **options)

    def objects(self, name, compiler, sources, *options):
        """Paths of the objects of the sources, each of which is compiled alone."""
        paths = []
        for source in sources:
            paths.append(self.folder / f"{name}-{pathlib.Path(source).stem}.o")
            self.run([compiler, *OPTIONS, *options, *self.includes, "-c", self.args.source / source, "-o", paths[-1]])
        return paths

    def program(self, name, compiler, objects, *options):
        self.run([compiler, *OPTIONS, *options, *objects, "-o", self.folder / name])
        return self.folder / name

    def warnings(self):
        """The umbrella without OpenMP, and with the macros of Windows."""
        text = "#include <cnnrnn/cnnrnn.hpp>\n#include <windows.h>\nint main() {}\n"
        self.run([GCC, "-std=c++20", "-fsyntax-only", *self.args.warnings, "-Werror", *self.includes,
                  "-x", "c++", "-"], input=text, text=True)


def build_programs(build):
    """Paths of the tests, the quick start and the program for Windows, and of the program for Linux."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        def compile_later(*what):
            return pool.submit(build.objects, *what)

        # For Windows, two programs share the large templates.
        shared = [*FOR_WINDOWS, "-include", build.args.source / INSTANCES / "instances.hpp"]
        linux = compile_later("linux", "g++", [PROGRAM])
        instances = compile_later("instances", GCC, [f"{INSTANCES}/float.cpp"], *shared)
        windows = compile_later("windows", GCC, [PROGRAM], *shared)
        tests = compile_later("tests", GCC, [f"tests/{file}" for file in TESTS], *FOR_WINDOWS, "-O0")
        start = compile_later("start", GCC, ["examples/quick_start.cpp"], *shared)
        pool.submit(build.warnings).result()
    large = instances.result()
    return (build.program("tests.exe", GCC, tests.result(), "-static"),
            build.program("start.exe", GCC, start.result() + large, "-static"),
            build.program("windows.exe", GCC, windows.result() + large, "-static"),
            build.program("linux", "g++", linux.result()))


def wine_environment(folder):
    return os.environ | {"WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all", "OMP_NUM_THREADS": "2"}


def output(command, folder, **options):
    result = subprocess.run([str(part) for part in command], cwd=folder, text=True, encoding="utf-8",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            env=wine_environment(folder), **options)
    return result.returncode, result.stdout.replace("\r\n", "\n")


def expect(holds, what):
    if not holds:
        sys.exit(f"mingw: {what}")


def without_times(history):
    return [line.rsplit(",", 2)[0] for line in history.read_text().splitlines()]


def tensors(path):
    """{name: bytes} of a safetensors file, but for the history, which has times."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:begin])
    return {name: content[begin + entry["data_offsets"][0]:begin + entry["data_offsets"][1]]
            for name, entry in entries.items()
            if name != "__metadata__" and not name.endswith("history")}


def compare_runs(folder, linux, windows):
    """An interrupted run on Windows ends as an uninterrupted one on Linux."""
    whole, parts = "whole", "Gr\u00fc\u00dfe \u6f22\u5b57 of a run"
    for command in ([*linux, "train", whole], [*windows, "train", parts, "11"],
                    [*windows, "resume", parts]):
        code, text = output(command, folder)
        expect(code == 0, f"{command}: {text}")
    expect((folder / whole / "checkpoint.safetensors").read_bytes()
           == (folder / parts / "checkpoint.safetensors").read_bytes(), "the model's file differs")
    ours, theirs = (tensors(folder / run / "resume.safetensors") for run in (whole, parts))
    other = [name for name in ours if ours[name] != theirs.get(name)]
    expect(not other and len(ours) == len(theirs), f"tensors of the run differ: {other}")
    expect(without_times(folder / whole / "history.csv") == without_times(folder / parts / "history.csv"),
           "history.csv differs")
    tests = [output([*command, "test", name], folder) for command, name in ((linux, whole),
                                                                            (windows, parts))]
    expect(tests[0] == tests[1] and tests[0][0] == 0, f"evaluation and prediction differ: {tests}")


def compare_functions(folder, linux, windows):
    ours, theirs = (output([*command, "libm"], folder)[1].splitlines() for command in (linux, windows))
    other = {a.split(":")[0] for a, b in zip(ours, theirs, strict=True) if a != b}
    print("functions of the C library with other results:", ", ".join(sorted(other)) or "none")
    expect(other <= OTHER_FUNCTIONS, f"not in docs/compilers.md: {sorted(other - OTHER_FUNCTIONS)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--opt-in", nargs="+", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    args = parser.parse_args()
    wine = next((found for name in WINE if (found := shutil.which(name))), None)
    if not shutil.which(GCC) or not wine or " avx2 " not in pathlib.Path("/proc/cpuinfo").read_text():
        print(f"skipped: expected {GCC}, wine64 and a processor with AVX2")
        return SKIPPED

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build = Build(args, folder)
        began = time.monotonic()
        tests, start, windows, linux = build_programs(build)
        windows, linux = [wine, windows], [linux]
        print(f"built in {time.monotonic() - began:.0f} s")

        code, text = output([wine, tests], folder)
        expect(code == 0, f"tests: {text}")
        code, text = output([wine, start], folder)
        accuracies = [float(line) for line in text.split()[-10:]] if code == 0 else [0]
        expect(sum(accuracies) / len(accuracies) > 0.2, f"quick_start: {text}")  # chance: 0.1
        compare_functions(folder, linux, windows)
        compare_runs(folder, linux, windows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
