"""Compiles all headers behind the macros that other libraries are known for.

The headers of the standard library and of others come first: not all of them bear such macros. In
a program they mostly do come first, through the header that defines the macros.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77

MACROS = {
    "Qt": "slots signals emit foreach(a,b) forever",
    "Windows, and C programs": "min(a,b) max(a,b) near far small hyper interface IN OUT OPTIONAL "
                               "ERROR TRUE FALSE BOOL BLOCK_SIZE DEBUG PI VERSION",
    "complex.h": "I complex imaginary",
    "X11": "Bool Status None Success Always Above Below True False Unsorted Complex Convex "
           "Absolute Button1 CurrentTime KeyPress FocusIn Expose",
    "sys/sysmacros.h": "major(a) minor(a) makedev(a,b)",
    "macOS": "check(a) verify(a) check_noerr(a)",
    "glog, Catch, tests": "LOG(a) CHECK(a) REQUIRE(a) INFO(a) WARN(a) FAIL(a) SECTION(a) OK "
                          "likely(a) unlikely(a)",
}


def source(include, without):
    """The headers of others, the macros, and then every header of the library."""
    headers = sorted(header for header in include.rglob("*.hpp")
                     if not header.is_relative_to(include / "cnnrnn" / without))
    # What is Windows' includes headers that are only there.
    foreign = {name for header in headers if "windows" not in header.parts
               for name in re.findall(r"^#include <(.*)>", header.read_text(), re.MULTILINE)}
    # Each processor has its intrinsics; stb_image belongs behind the macros, as part of ours.
    lines = [f"#include <{name}>" for name in sorted(foreign)
             if not re.search("mmintrin|arm|stb", name)]
    for owner, macros in MACROS.items():
        lines.append(f"// {owner}")
        for macro in macros.split():
            # Without a meaning, so that whatever is named like it becomes an error.
            lines += [f"#undef {macro.partition('(')[0]}", f"#define {macro} @"]
    lines += [f"#include <{header.relative_to(include).as_posix()}>" for header in headers]
    return "".join(line + "\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--system", nargs="+", required=True, help="folders of others' headers")
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--without", default="nothing", help="a folder of headers to leave out")
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    include = args.source / "include"
    command = [args.compiler, "-std=c++20", "-fopenmp", "-fsyntax-only", f"-I{include}"]
    # One of them may be /usr/include, which must not come before the standard library's.
    command += [part for folder in args.system for part in ("-idirafter", folder)]
    result = subprocess.run([*command, "-x", "c++", "-"], input=source(include, args.without),
                            capture_output=True, text=True, check=False)
    sys.stderr.write(result.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
