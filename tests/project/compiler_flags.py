"""Flags that the library cannot work with stop the compiler, and the first thing it says is why.
Flags that it can work with do not, nor do they bring warnings."""

import argparse
import pathlib
import platform
import shutil
import subprocess
import sys

SKIPPED = 77

FINITE_MATH = "expected NaN and infinity, got -ffinite-math-only"
ALL = "cnnrnn.hpp"
NAMESPACE = "core/namespace.hpp"
REFUSED = [
    # flags, the header, the reason
    ("-fno-exceptions", ALL, "expected a compiler with exceptions, got -fno-exceptions"),
    ("-ffast-math", ALL, FINITE_MATH),
    ("-Ofast", ALL, FINITE_MATH),
    ("-ffinite-math-only", ALL, FINITE_MATH),
    ("-ffast-math", "core/denormals.hpp", FINITE_MATH),
    ("-D_LIBCPP_VERSION=15007", ALL, "expected libc++ 16 or newer"),
    ("-fno-rtti", ALL, "expected a compiler with RTTI, got -fno-rtti"),
]
REFUSED_BY_GCC = [
    ("-fsingle-precision-constant", ALL,
     "expected constants in double, got -fsingle-precision-constant"),
]
if platform.machine() == "x86_64":
    REFUSED += [
        ("-march=x86-64-v3 -mavx512f -DCNNRNN_X86_64_LEVEL=3", NAMESPACE, "got some for later ones"),
        ("-mavx -DCNNRNN_X86_64_LEVEL=2", NAMESPACE, "got some for later ones"),
        ("-march=x86-64-v2 -DCNNRNN_X86_64_LEVEL=3", NAMESPACE, "such as -march=x86-64-v3 for 3"),
    ]
ACCEPTED = [
    ("", ALL),
    ("-std=c++2b", ALL),
    ("-ffast-math -fno-finite-math-only", ALL),
    ("-funsafe-math-optimizations", ALL),
    ("-fno-rtti", "ops/conv2d.hpp"),
    ("-fshort-enums -funsigned-char -fno-threadsafe-statics", ALL),
    ("-Wundef -D_GLIBCXX_DEBUG", ALL),
]


class Compiler:
    def __init__(self, args):
        # The first error is enough.
        self.command = [args.compiler, "-std=c++20", "-fsyntax-only", "-Wfatal-errors", *args.warnings,
                        "-Werror", f"-I{args.source / 'include'}", "-isystem", args.eigen]

    def first_error(self, flags, header):
        """The first line with an error in what the compiler says to the header, or ''."""
        result = subprocess.run(
            [*self.command, *flags.split(), "-x", "c++", "-"],
            input=f"#include <cnnrnn/{header}>\n", capture_output=True, text=True, check=False)
        return next((line for line in result.stderr.splitlines() if "error:" in line), "")


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

    compiler = Compiler(args)
    failed = 0
    for flags, header, reason in REFUSED + (REFUSED_BY_GCC if args.compiler == "g++" else []):
        error = compiler.first_error(flags, header)
        if reason not in error:
            print(f"{flags}, {header}: expected an error with '{reason}', got '{error}'")
            failed += 1
    for flags, header in ACCEPTED:
        error = compiler.first_error(flags, header)
        if error:
            print(f"{flags}, {header}: expected no error, got '{error}'")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
