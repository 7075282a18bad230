"""Programs and shared libraries that are built once for each level of x86-64, of which the best begins: by
cnnrnn_multiarch() of an installed package, and by the recipes of docs/deploying.md.

Each build holds the instructions of its level alone, those of std:: and Eigen too; the launcher
chooses by the processor, also by those that QEMU is, and by CNNRNN_ISA; and nobody can tell the process
from that of a program which is one file."""

import argparse
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from commands import need, run, skip

# Levels, what the library calls their instruction sets, the floats in a vector, and what processors have from
# them on.
LEVELS = {"x86-64-v2": ("sse4", 4, "sse4_2"), "x86-64-v3": ("avx2_fma", 8, "avx2"),
          "x86-64-v4": ("avx512", 16, "avx512vl")}
NAMES = list(LEVELS)
QEMU = ("qemu-x86_64-static", "qemu-x86_64")
PROCESSORS = {"qemu64": None, "Nehalem": "x86-64-v2", "Haswell": "x86-64-v3"}
AVX_FROM = (7, 2)  # the first version of QEMU that emulates AVX
DOCUMENT = "docs/deploying.md"


def start(*command, isa=None, launcher=()):
    """Exit code, output, errors."""
    environment = {} if isa is None else {"CNNRNN_ISA": isa}
    result = subprocess.run([*launcher, *(str(part) for part in command)], capture_output=True, text=True,
                            check=False, env=environment)
    return result.returncode, result.stdout, result.stderr


def expect(result, code, output, errors=""):
    """Each text must be at the beginning, or the end of the errors: QEMU has warnings in front."""
    assert result[0] == code and result[1].startswith(output) and result[2].rstrip().endswith(errors), (
        result, code, output, errors)


def first_line(level, why="chosen at start"):
    name, floats, _ = LEVELS[level]
    return f"vectors of {floats} floats ({name}, {level} {why}), 1\n"


def levels_of_this_processor():
    words = pathlib.Path("/proc/cpuinfo").read_text().split()
    return [level for level, (*_, flag) in LEVELS.items() if flag in words]


def check_choice(program):
    here = levels_of_this_processor()
    expect(start(program), 1, first_line(here[-1]))
    expect(start(program, isa=""), 1, first_line(here[-1]))
    for level in NAMES:
        for name in (level, level[-2:]):
            if level in here:
                expect(start(program, isa=name), 1, first_line(level, "as CNNRNN_ISA says"))
            else:
                expect(start(program, isa=name), 2, "",
                       f": CNNRNN_ISA: expected at most {here[-1]}, which this processor has, got {name}")
    for name in ("avx9", "x86-64", "v"):
        expect(start(program, isa=name), 2, "",
               f"{program}: CNNRNN_ISA: expected one of {', '.join(NAMES)}, got {name}")


def check_process(program):
    """Arguments, the name, the exit code and the end by a signal are the program's own."""
    arguments = ["two words", "", "*", "'\"$x\\", "ü"]
    code, output, _ = start(program, *arguments)
    assert code == len(arguments) + 1 and output.splitlines()[1:] == [str(program), *arguments], (code, output)
    assert start(program, "killed")[0] == -signal.SIGTERM


def check_places(program, work):
    """Moved, and begun by a link from elsewhere, by the search path or by a name without a folder."""
    best = first_line(levels_of_this_processor()[-1])
    moved = program.parent.rename(work / "a new folder") / program.name
    link = work / "link"
    link.symlink_to(moved)
    expect(start(link), 1, best)
    said = run("sh", "-c", f'cd "$1" && ./{program.name}; cd / && PATH=$1 {program.name}; true', "sh", moved.parent)
    assert said == f"{best}./{program.name}\n{best}{program.name}\n", said
    (work / "alone").mkdir()
    shutil.copy(moved, work / "alone")
    expect(start(work / "alone" / program.name), 1, "", "expected builds of this program beside it, such as "
           f"{program.name}.x86-64-v3; found none")
    shutil.copy(f"{moved}.x86-64-v2", work / "alone")
    expect(start(work / "alone" / program.name), 1, first_line("x86-64-v2"))
    (work / "alone" / f"{program.name}.x86-64-v2").chmod(0o600)
    expect(start(work / "alone" / program.name), 1, "", "cannot be run: Permission denied")
    return moved


def check_instructions(program):
    """No build has an instruction of a level above its own, wherever it comes from, and only kernels of its own
    instruction set; the launcher needs nothing but the C library."""
    for file, level in [(program, "x86-64"), *((f"{program}.{level}", level) for level in NAMES)]:
        code = run("objdump", "--disassemble", "--no-show-raw-insn", file)
        widest = next((register for register in ("%zmm", "%ymm") if register in code), "%xmm")
        assert widest == {"x86-64-v4": "%zmm", "x86-64-v3": "%ymm"}.get(level, "%xmm"), (file, widest)
        of_avx = re.search(r"\tv(mov|add|mul|xor)[a-z]+ ", code)
        assert bool(of_avx) == (level in ("x86-64-v3", "x86-64-v4")), file
        found = set(re.findall(r"::isa_(\w+)::", run("nm", "--demangle", file)))
        assert found == ({LEVELS[level][0]} if level in LEVELS else set()), (file, found)
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "--dynamic", program))
    assert needed == ["libc.so.6"], needed


def check_emulated(program):
    """The launcher on other processors. QEMU leaves what the launcher becomes to this machine; so that is begun on
    them once more."""
    emulator = next((found for name in QEMU if (found := shutil.which(name))), None)
    if not emulator:
        print("not tried: other processors, because there is no qemu-x86_64 (Debian: qemu-user-static)")
        return
    version = tuple(int(number) for number in re.search(r"version (\d+)\.(\d+)", run(emulator, "--version")).groups())
    for processor, level in PROCESSORS.items():
        if level == "x86-64-v3" and version < AVX_FROM:
            print(f"not tried: {processor}, because QEMU {version} does not emulate AVX")
            continue
        launcher = [emulator, "-cpu", processor]
        if level is None:
            expect(start(program, launcher=launcher), 1, "",
                   f"{program}: expected a processor with x86-64-v2 or better, got one with x86-64")
        else:
            if level in levels_of_this_processor():
                expect(start(program, launcher=launcher), 1, first_line(level))
            expect(start(f"{program}.{level}", launcher=launcher), 1, first_line(level))
            expect(start(program, isa="v4", launcher=launcher), 2, "",
                   f"expected at most {level}, which this processor has, got v4")


def cmake(args, work):
    run(args.cmake, "--install", args.build, "--prefix", work / "package")
    project, build = args.source / "tests" / "project" / "multiarch", work / "build"
    # Not optimised: what is inline is a function of its own, of which a linker keeps one.
    run(args.cmake, "-S", project, "-B", build, "-G", args.generator, f"-DCMAKE_PREFIX_PATH={work / 'package'}",
        "-DCMAKE_BUILD_TYPE=")
    run(args.cmake, "--build", build, "--parallel", 1)
    check_choice(build / "score-images")
    run(args.cmake, "--install", build, "--prefix", work / "other", "--component", "other")
    assert not (work / "other").exists()
    run(args.cmake, "--install", build, "--prefix", work / "run", "--component", "run")
    run(args.cmake, "--install", build, "--prefix", work / "installed")
    for prefix in (work / "run", work / "installed"):
        files = sorted(path.name for path in (prefix / "libexec" / "score").iterdir())
        assert files == ["score-images", *(f"score-images.{level}" for level in NAMES)], files
    program = work / "installed" / "libexec" / "score" / "score-images"
    check_process(program)
    program = check_places(program, work)
    check_instructions(program)
    check_emulated(program)
    check_library(work / "installed" / "lib", "libscores.so.1", "score_text")


def check_library(folder, name, function):
    """What Python loads by a name is the best; what it loads by its path is what lies there."""
    best = levels_of_this_processor()[-1]
    for file, level in ((name, best), (folder / name, "x86-64-v2"),
                        *((folder / "glibc-hwcaps" / level / name, level) for level in levels_of_this_processor()[1:])):
        load = (f"from ctypes import *; library = CDLL({str(file)!r}); library.{function}.restype = c_char_p; "
                f"print(library.{function}().decode())")
        said = run(sys.executable, "-c", load, env={"LD_LIBRARY_PATH": str(folder)})
        assert said == first_line(level), (file, said)


def recipe(args, work):
    """The commands of the document, in a folder with the library's sources."""
    (work / "train.cpp").write_text(
        '#include <cnnrnn/core/build_info.hpp>\n#include <iostream>\nint main() {\n'
        "  std::cout << describe(cnnrnn::kernels::build_info()) << \", 1\\n\";\n  return 1;\n}\n")
    for folder in ("include", "cmake"):
        (work / folder).symlink_to(args.source / folder)
    blocks = re.findall(r"^```sh\n(.*?)^```$", (args.source / DOCUMENT).read_text(), re.M | re.S)
    [commands] = [block for block in blocks if "launcher.cpp" in block]
    run("bash", "-ec", commands.replace("/usr/include/eigen3", args.eigen), cwd=work)
    check_choice(work / "train")


def refused(args, work):
    """What cnnrnn_multiarch() does not take, and that it leaves programs for other systems as they are."""
    for call, errors in (
            ("cnnrnn_multiarch(nothing)", "expected a target, got nothing"),
            ("cnnrnn_multiarch(library)", "shared library of this project, got library"),
            ("cnnrnn_multiarch(program LEVELS x86-64-v9)", "or x86-64-v4, got x86-64-v9"),
            ("cnnrnn_multiarch(program v3)", "expected TARGET and LEVELS, got v3"),
            ("set(CMAKE_SYSTEM_NAME Windows)\ncnnrnn_multiarch(program)", "program is built once"),
            ("set(CMAKE_SYSTEM_PROCESSOR aarch64)\ncnnrnn_multiarch(program)", "program is built once")):
        (work / "main.cpp").write_text("int main() {}\n")
        (work / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\nadd_executable(program main.cpp)\n"
            f"add_library(library STATIC main.cpp)\ninclude({args.source / 'cmake' / 'Multiarch.cmake'})\n{call}\n")
        result = subprocess.run([args.cmake, "-S", work, "-B", work / "build"], text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert errors in " ".join(result.stdout.split()), (call, result.stdout)
        assert (result.returncode == 0) == ("built once" in errors), call


WAYS = {function.__name__: function for function in (cmake, recipe, refused)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("way", choices=WAYS)
    args = parser.parse_args()
    if platform.machine() != "x86_64":
        skip(f"{platform.machine()} has no levels")
    need("g++", "objdump", "nm", "readelf")
    if not levels_of_this_processor():
        skip(f"this processor is none of {', '.join(NAMES)}")
    with tempfile.TemporaryDirectory() as work:
        WAYS[args.way](args, pathlib.Path(work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
