"""Checks that docs/layers.md has a row for every layer and docs/errors.md one for every exception."""

import pathlib
import re
import sys

CLASS = re.compile(r"^class (?:CNNRNN_SHARED )?(\w+) : public ([\w:<>, ]+)", re.MULTILINE)
NOT_LAYERS = {"FoldingConvolution", "BatchNorm", "RowReader"}  # bases of layers


def public(text):
    """A header without its namespaces detail."""
    return re.sub(r"^namespace [\w:]*detail \{.*?^\}  // namespace [\w:]*detail$", "", text,
                  flags=re.MULTILINE | re.DOTALL)


def classes(headers, bases):
    """The public classes that derive from one of the bases, or from one that does."""
    found = set(bases)
    parents = {name: set(re.findall(r"\w+", above)) for header in headers
               for name, above in CLASS.findall(public(header.read_text(encoding="utf-8")))}
    while True:
        more = {name for name, above in parents.items() if above & found} - found
        if not more:
            return found
        found |= more


def missing(page, names):
    rows = "\n".join(line for line in page.read_text(encoding="utf-8").splitlines()
                     if line.startswith("|"))
    listed = set(re.findall(r"`(\w+)(?:\([^)]*\))?`", rows))
    return [f"{page.name} has no row for {name}" for name in sorted(names - listed)]


def main():
    source = pathlib.Path(sys.argv[1])
    include = source / "include" / "cnnrnn"
    # What a namespace detail has between a layer and Module counts by its name.
    layers = classes(sorted((include / "nn").glob("*.hpp")),
                     {"Module", "Layer", "RecurrentModule", "RecurrentRows"})
    layers -= NOT_LAYERS | {"RecurrentModule", "RecurrentRows"}
    errors = classes([include / "core" / "error.hpp"], {"Error"})
    problems = [*missing(source / "docs" / "layers.md", layers),
                *missing(source / "docs" / "errors.md", errors)]
    print("\n".join(problems) or f"{len(layers)} layers and {len(errors)} exceptions have a row")
    return 1 if problems or len(layers) < 40 or len(errors) < 6 else 0


if __name__ == "__main__":
    sys.exit(main())
