"""Every public function of ops/ and every module of nn/ has a table (tests/support/op_table.hpp), and
a test has the constant parts of every message that the library throws.

usage: op_tables.py INCLUDE_DIR TESTS_DIR
"""

import pathlib
import re
import sys

# Public, but not what a table is for, and why.
WITHOUT_TABLE = {
    "check_adaptive_pool2d": "checks options; AdaptiveMaxPool2d's table has its errors",
    "check_pad2d": "checks options; Pad2d's table has its errors",
    "check_pool2d": "checks options; MaxPool2d's table has its errors",
    "check_upsample": "checks options; Upsample's table has its errors",
    "check_wavelet": "checks options; WaveletTransform's table has its errors",
    "pool2d_options": "converts options",
    "upsample_size": "converts options",
    "wavelet_named": "finds a filter by its name: ops/wavelet/wavelet",
}

# Thrown, but by nothing that a test can bring about, and why.
WITHOUT_TEST = {
}

# Whose messages must all be in tests.
FOLDERS = ("core", "kernels", "autograd", "ops", "nn", "optim", "data", "io", "train")

COMMENT = re.compile(r"//[^\n]*")
DETAIL = re.compile(r"^namespace (?:nn::)?detail \{$.*?^\}  // namespace (?:nn::)?detail$", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"^(?:inline )?(?:Variable<T>|[A-Z]\w+<T>|\w+) (\w+)\(", re.MULTILINE)
MODULE = re.compile(r"^class (\w+) : public (?:[\w:]+::)?(Layer|\w*Module|BatchNorm|FoldingConvolution|RowReader|\w*Rows)<",
                    re.MULTILINE)
LONG = 20  # a piece of a message that no other has
BASES = {"Layer", "BatchNorm", "FoldingConvolution", "RowReader"}
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
JOINT = re.compile(r'"\s*\n?\s*"')
THROW = re.compile(r"(?:require<\w+>|throw \w+|\bfail|\bcheck)\((.*?)\);", re.DOTALL)
TABLE = re.compile(r'\bcheck_op\(\s*"(\w+)"')


def read(root, pattern):
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(pathlib.Path(root).rglob(pattern))}


def public_names(headers):
    """The functions of ops/ and the modules of nn/ that a user may call by name."""
    names = set()
    for header, text in headers.items():
        public = COMMENT.sub("", DETAIL.sub("", text))
        if header.startswith("cnnrnn/ops/"):
            names |= set(FUNCTION.findall(public))
        elif header.startswith("cnnrnn/nn/"):
            names |= {name for name, _ in MODULE.findall(public)} - BASES
    return names


def tables(tests):
    return {name for text in tests.values() for name in TABLE.findall(COMMENT.sub("", text))}


def messages(headers):
    """(header, the constant pieces) of each message that is thrown.

    Without the ": " behind a path or a name: a test may compare what follows.
    """
    for header, text in headers.items():
        if header.split("/")[1] in FOLDERS:
            for thrown in THROW.findall(COMMENT.sub("", text)):
                pieces = [piece.removeprefix(": ") for piece in STRING.findall(JOINT.sub("", thrown))]
                if any(pieces):
                    yield header, [piece for piece in pieces if piece]


def is_said(pieces, tests):
    """Whether a test has all pieces in order, with values between them, or all long ones: it may put
    the message together from parts of its own."""
    long = [piece for piece in pieces if len(piece) >= LONG]
    if long:
        return any(all(piece in text for piece in long) for text in tests)
    pattern = re.compile(".{0,160}?".join(map(re.escape, pieces)), re.DOTALL)
    return any(pattern.search(text) for text in tests)


def check(include_dir, tests_dir):
    """All that is missing, a line each."""
    headers, tests = read(include_dir, "*.hpp"), read(tests_dir, "*.[ch]pp")
    names, have = public_names(headers), tables(tests)
    problems = [f"{name}: no test has check_op(\"{name}\", ...)"
                for name in sorted(names - have - set(WITHOUT_TABLE))]
    problems += [f"{name}: named as without a table, but there is {what}"
                 for name in sorted(WITHOUT_TABLE) for what in
                 (["one"] if name in have else []) + ([] if name in names else ["no such name"])]
    texts = [JOINT.sub("", COMMENT.sub("", text)) for text in tests.values()]
    thrown = {"...".join(pieces): (header, is_said(pieces, texts))
              for header, pieces in messages(headers)}
    problems += [f"{header}: no test has the message \"...{message}...\""
                 for message, (header, said) in thrown.items()
                 if not said and message not in WITHOUT_TEST]
    problems += [f"\"{message}\": named as without a test, but there is {what}"
                 for message, what in ((m, "one" if m in thrown else "no such message")
                                       for m in sorted(WITHOUT_TEST))
                 if message not in thrown or thrown[message][1]]
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = check(sys.argv[1], sys.argv[2])
    print("\n".join(found) or "every op and module has a table, and every message a test")
    sys.exit(1 if found else 0)
