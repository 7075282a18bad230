"""What the many cases of shapes_bench say together. Their names are FAMILY/NUMBERS/DIRECTION, such as
conv/depthwise/8/112/32/32/3x3/1/1/32/train or dense/1/64/64/forward."""
import itertools
import re

from comparison.results import geometric_mean, grouped

ROOFLINE = """\
The shares are of the FMA peak and of the speed of a copy that moves as many bytes, in the cache that holds them. The
nearer the greater of them is to 1, the less the machine has left to give."""


def family(found):
    words = itertools.takewhile(lambda word: not word.isdigit(), found["name"].split("/"))
    return " ".join(words)


def setting(found):
    """The column of a result: direction, with the precision if it is not float, and threads."""
    return re.search(r"[a-z]+(/bf16)?$", found["name"]).group(), found["threads"]


def title(column):
    direction, threads = column
    return f"{direction}, {threads} thread{'s' if threads > 1 else ''}"


def summary(results):
    """The geometric mean and the lowest of the ratios, family by family."""
    compared = [found for found in results if "ratio" in found]
    if not compared:
        return []
    columns = sorted({setting(found) for found in compared})
    lines = ["## By family", "",
             "The geometric mean of the ratios and, in brackets, the lowest.", "",
             "| | cases | " + " | ".join(map(title, columns)) + " |", "|---" * (2 + len(columns)) + "|"]
    for name, members in [*grouped(compared, family).items(), ("**all**", compared)]:
        cells = grouped(members, setting)
        count = max(map(len, cells.values()))
        lines.append(f"| {name} | {count} | "
                     + " | ".join(mean_and_lowest(cells.get(column)) for column in columns) + " |")
    return ["\n".join(lines), behind(compared)]


def mean_and_lowest(members):
    if not members:
        return ""
    ratios = [found["ratio"] for found in members]
    return f"{geometric_mean(ratios):.2f} ({min(ratios):.2f})"


def behind(compared):
    """The cases that lose, worst first, with what the machine would allow."""
    losers = sorted((found for found in compared if found["ratio"] < 1), key=lambda f: f["ratio"])
    if not losers:
        return "No case is behind its best peer."
    lines = ["## Behind the best peer", "", f"{len(losers)} of {len(compared)} cases.", "", ROOFLINE, "",
             "| | threads | ratio | share of FMA peak | share of copy | best peer |",
             "|---|---|---|---|---|---|"]
    lines += [f"| {found['name']} | {found['threads']} | {found['ratio']:.2f} | "
              f"{share(found, 'share_of_peak')} | {share(found, 'share_of_copy')} | {found['best']} |"
              for found in losers]
    return "\n".join(lines)


def share(found, name):
    return f"{found[name]:.2f}" if name in found else ""
