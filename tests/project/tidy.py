"""Has clang-tidy (.clang-tidy) read all headers together, with the large templates compiled."""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--system", nargs="+", required=True, help="include folders of others")
    parser.add_argument("--without", default="nothing", help="a folder of headers to leave out")
    args = parser.parse_args()
    if not shutil.which("clang-tidy"):
        print("skipped: there is no clang-tidy")
        return SKIPPED

    include = args.source.resolve() / "include"
    headers = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.hpp")
                     if not path.is_relative_to(include / "cnnrnn" / args.without))
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "all.cpp"
        source.write_text("".join(f"#include <{header}>\n" for header in headers)
                          + "CNNRNN_INSTANTIATE(float)\n")
        result = subprocess.run(
            ["clang-tidy", "--quiet", f"--config-file={args.source / '.clang-tidy'}",
             "--warnings-as-errors=*", source, "--", "-std=c++20", "-fopenmp", "-march=native",
             f"-I{include}",
             *(part for path in args.system for part in ("-idirafter", path))],
            capture_output=True, text=True, check=False)
    print(result.stdout, result.stderr if result.returncode else "", sep="")
    print(f"{len(headers)} headers read")
    return 1 if result.returncode or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
