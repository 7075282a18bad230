#!/usr/bin/env python3
"""Compares cnnrnn with PyTorch, oneDNN and Eigen. All contenders of a case run in turns, round after
round; the tables show the ratios of their medians.

Build first: cmake --build --preset release --target train_bench kernels_bench onednn_bench
(onednn_bench exists only if oneDNN was found). Close everything else that uses the machine."""
import argparse
import importlib.util
import json
import os
import pathlib
import re
import sys

from comparison import machine, report
from comparison.cases import PARTS, Cases
from comparison.plot import plot
from comparison.results import result
from comparison.rounds import run_rounds

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART",
                        help="which parts to run: " + ", ".join(PARTS) + "; default: all")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="run only cases whose name matches")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=1,
                        help="minimum time of a measurement; default: 1")
    parser.add_argument("--threads", type=int, default=os.cpu_count(),
                        help="threads of every contender; default: all cores")
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release",
                        metavar="DIR", help="build folder; default: build/release")
    parser.add_argument("--python", action="append", metavar="PYTHON",
                        help="interpreter with PyTorch; may be repeated, the best result counts")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE.md",
                        help="write the tables to this file and all figures to FILE.json")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.png",
                        help="draw the ratios as a chart")
    parser.add_argument("--wrap", default="", metavar="COMMAND",
                        help="prefix of every timed command, such as 'taskset -c 0,1'")
    args = parser.parse_args()
    if args.rounds < 1 or args.threads < 1 or args.seconds <= 0:
        parser.error("--rounds, --threads and --seconds must be positive")
    if args.plot and not importlib.util.find_spec("matplotlib"):
        parser.error("--plot needs matplotlib (Debian: python3-matplotlib, for /usr/bin/python3)")
    return args


def select_rows(args):
    cases = Cases(args.build, args.python or [sys.executable], args.threads, args.seconds)
    rows = [row for part in args.parts for row in cases.rows(part)
            if re.search(args.filter, row.name)]
    if not rows:
        sys.exit(f"no case matches --filter {args.filter}")
    return rows


def main():
    args = parse_arguments()
    rows = select_rows(args)
    run_rounds(rows, args.rounds, args.wrap)
    results = [result(row, machine.fma_peak(rows)) for row in rows]
    facts = machine.describe(args.build, SOURCE, args.threads, rows)
    text = report.markdown(facts, results, args.rounds, args.seconds)
    print(text, end="")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
        args.output.with_suffix(".json").write_text(
            json.dumps({"machine": facts, "results": results}, indent=1) + "\n")
    if args.plot:
        plot(results, args.plot)


if __name__ == "__main__":
    main()
