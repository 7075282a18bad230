#!/usr/bin/env python3
"""Writes cnnrnn.hpp with everything that it includes of the library in one file, which needs Eigen alone.

usage: single_header.py INCLUDE_DIR OUTPUT
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'\s*#\s*include\s*"(cnnrnn/[^"]+)"')
OF_A_FILE = re.compile(r"\s*#\s*pragma\s+once\b")


def expand(root, header, seen):
    """The lines of a header and of those that it includes, each header once, where it comes first."""
    if header in seen:
        return
    seen.add(header)
    for line in (root / header).read_text(encoding="utf-8").splitlines():
        included = INCLUDE.match(line)
        if included:
            yield from expand(root, included[1], seen)
        elif not OF_A_FILE.match(line):
            yield line


def single_header(root):
    lines = expand(root, "cnnrnn/cnnrnn.hpp", set())
    text = "\n".join(["#pragma once", "// cnnrnn in one file, made by scripts/single_header.py.", *lines])
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pathlib.Path(sys.argv[2]).write_text(single_header(pathlib.Path(sys.argv[1])), encoding="utf-8")


if __name__ == "__main__":
    main()
