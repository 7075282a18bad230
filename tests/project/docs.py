"""Checks README.md and docs/*.md: the program in the README is examples/quick_start.cpp, relative links
lead to files, and the C++ in them is real. docs/architecture.md has every header of ops/ and nn/ in a room.

A ```cpp block that begins with #include is compiled (syntax only). The umbrella, with which they all
begin, is parsed once, as a precompiled header. A block whose fence names a file,
```cpp include/cnnrnn/ops/relu.hpp, is a quotation and must be in that file as it is.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
PROGRAM = "examples/quick_start.cpp"
UMBRELLA = "#include <cnnrnn/cnnrnn.hpp>\n"

FENCE = re.compile(r"^```(?P<language>\w*) *(?P<file>\S*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
ROOM = re.compile(r"^\| [a-z0-9_ ]+ \|(?P<ops>[^|]*)\|(?P<nn>[^|]*)\|$", re.MULTILINE)
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)")


def cpp_blocks(text):
    """(line number, file named by the fence, code) of each C++ block."""
    for match in FENCE.finditer(text):
        if match["language"] == "cpp":
            yield text.count("\n", 0, match.start()) + 1, match["file"], match["code"]


def check_program(source, text):
    program = (source / PROGRAM).read_text(encoding="utf-8")
    if all(code != program for _, _, code in cpp_blocks(text)):
        yield f"README.md: none of its programs is {PROGRAM} as it is now"


def check_links(page, text):
    prose = CODE.sub("", FENCE.sub("", text))
    for target in LINK.findall(prose):
        path = target.split("#")[0]
        outside = re.match(r"[a-z][a-z+.-]*:", target)
        if path and not outside and not (page.parent / path).exists():
            yield f"{page.name}: the link {target} leads nowhere"


def check_quotations(source, page, text):
    for line, name, code in cpp_blocks(text):
        if name and not (source / name).is_file():
            yield f"{page.name}:{line}: quotes {name}, which does not exist"
        elif name and code not in (source / name).read_text(encoding="utf-8"):
            yield f"{page.name}:{line}: this is not in {name} any more"


def check_rooms(source, text):
    rooms = text.partition("## The rooms of ops/ and nn/")[2].partition("\n## ")[0]
    for folder in ("ops", "nn"):
        named = sorted(name for room in ROOM.finditer(rooms) for name in re.findall(r"`(\w+)`", room[folder]))
        there = sorted(path.stem for path in (source / "include/cnnrnn" / folder).glob("*.hpp"))
        wrong = [*(set(named) ^ set(there)), *(name for name in set(named) if named.count(name) > 1)]
        yield from (f"architecture.md: {folder}/{name} is not in one room of the table, or not there"
                    for name in sorted(wrong))


def precompile(command, folder):
    """The options by which a block that begins with the umbrella finds it precompiled."""
    header = pathlib.Path(folder) / "umbrella.hpp"
    header.write_text(UMBRELLA)
    subprocess.run([*command, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
    return ["-include", header]


def check_syntax(command, umbrella, page, line, code):
    options = umbrella if code.startswith(UMBRELLA) else []
    result = subprocess.run([*command, "-fsyntax-only", *options, "-x", "c++", "-"], input=code, capture_output=True,
                            text=True, check=False)
    return [f"{page.name}:{line}: does not compile\n{result.stderr}"] if result.returncode else []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--without", default="nothing",
                        help="a folder of headers that is not there for the C++ in the documents")
    parser.add_argument("--opt-in", nargs="*", default=[], help="folders of the opt-in libraries")
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED

    # -idirafter: as a system folder of its own, /usr/include would hide the standard library's.
    command = [args.compiler, "-std=c++20", f"-I{args.source / 'include'}",
               f"-I{args.source / 'examples'}", "-isystem", args.eigen]
    command += [f"-idirafter{folder}" for folder in args.opt_in]

    problems, blocks = [], []
    for page in [args.source / "README.md", *sorted((args.source / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        problems += check_program(args.source, text) if page.name == "README.md" else []
        problems += check_rooms(args.source, text) if page.name == "architecture.md" else []
        problems += [*check_links(page, text), *check_quotations(args.source, page, text)]
        blocks += [(page, line, code) for line, _, code in cpp_blocks(text)
                   if code.startswith("#include") and f"<cnnrnn/{args.without}/" not in code]
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        umbrella = precompile(command, folder)
        for found in pool.map(lambda block: check_syntax(command, umbrella, *block), blocks):
            problems += found
    print("\n".join(problems) or f"the links lead somewhere, and {len(blocks)} programs compile")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
