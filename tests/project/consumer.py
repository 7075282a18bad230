"""Builds examples/consumer as a user of the library would, runs it and expects it to succeed.

Every way uses the strict warnings as errors, save `bare`, which uses no flag that is not needed.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile

from commands import need, run, skip


def install(args, work):
    run(args.cmake, "--install", args.build, "--prefix", work / "installed")
    # The package may not depend on where it was installed first.
    return (work / "installed").rename(work / "moved")


def cmake_project(args, work, definitions):
    build = work / "build"
    run(args.cmake, "-S", args.consumer, "-B", build, "-G", args.generator,
        f"-DCMAKE_CXX_COMPILER={args.compiler}", f"-DCMAKE_CXX_FLAGS={' '.join(args.strict)}",
        f"-DCNNRNN_OPENMP={'ON' if args.openmp else 'OFF'}",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *definitions)
    check_exported_flags(args, build)
    run(args.cmake, "--build", build, "--parallel", 1)
    run(build / "consumer")


def check_exported_flags(args, build):
    """The library may add include paths, the language standard and OpenMP: nothing else."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        flags = set(entry["command"].split()) - set(args.strict)
        foreign = [f for f in flags if f.startswith(("-m", "-f", "-W")) and "openmp" not in f]
        if foreign or (not args.openmp and "-fopenmp" in entry["command"]):
            sys.exit(f"flags reach the consumer: {entry['command']}")


def find_package(args, work):
    # Some warnings, and so some false ones, come only from an optimising compiler.
    cmake_project(args, work, [f"-DCMAKE_PREFIX_PATH={install(args, work)}",
                               "-DCMAKE_BUILD_TYPE=Release"])


def add_subdirectory(args, work):
    cmake_project(args, work, [f"-DCONSUMER_CNNRNN_SOURCE={args.source}"])


def pkg_config(args, work):
    need("pkg-config")
    path = install(args, work) / "share" / "pkgconfig"
    environment = os.environ | {"PKG_CONFIG_PATH": str(path)}
    flags = run("pkg-config", "--cflags", "--libs", "cnnrnn", env=environment).split()
    # pkg-config knows no system headers, and Eigen's are not free of these warnings.
    flags = [f"-isystem{flag[2:]}" if "eigen" in flag else flag for flag in flags]
    run(args.compiler, "-std=c++20", *args.strict, *args.threading, *args.sources, *flags,
        "-o", work / "consumer")
    run(work / "consumer")


def bare(args, work):
    run(args.compiler, "-std=c++20", f"-I{args.source / 'include'}", f"-I{args.eigen}",
        *args.sources, "-o", work / "consumer")
    run(work / "consumer")


def two_instruction_sets(args, work):
    """Objects for the oldest machine and for this one in a program. The linker keeps the first copy
    of each inline function, so both orders are linked; without optimisation nothing is inlined."""
    if platform.machine() not in ("x86_64", "AMD64"):
        skip(f"no second instruction set is known for {platform.machine()}")
    objects = []
    for source, march in zip(args.sources, ("x86-64", "native")):
        objects.append(work / f"{source.stem}.o")
        run(args.compiler, "-std=c++20", *args.strict, *args.threading, f"-march={march}",
            f"-I{args.source / 'include'}", f"-isystem{args.eigen}", "-c", source,
            "-o", objects[-1])
    for order in (objects, objects[::-1]):
        run(args.compiler, *args.threading, *order, "-o", work / "consumer")
        run(work / "consumer")


def main():
    ways = (find_package, add_subdirectory, pkg_config, bare, two_instruction_sets)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--threading", choices=("plain", "openmp"), required=True)
    parser.add_argument("way", choices=[way.__name__ for way in ways])
    args = parser.parse_args()
    need(args.compiler)
    args.strict = [*args.warnings, "-Werror"]
    args.openmp = args.threading == "openmp"
    args.threading = ["-fopenmp"] if args.openmp else []
    args.consumer = args.source / "examples" / "consumer"
    args.sources = sorted(args.consumer.glob("*.cpp"))
    with tempfile.TemporaryDirectory() as work:
        globals()[args.way](args, pathlib.Path(work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
