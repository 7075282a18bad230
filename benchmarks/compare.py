#!/usr/bin/env python3
"""Compares cnnrnn with PyTorch, torch.compile, ONNX Runtime, OpenVINO, oneDNN and Eigen. All contenders
of a case run in turns, round after round; the tables show the ratios of their medians. A peer that is
not installed is left out.

Build first: cmake --build --preset release --target train_bench zoo_bench kernels_bench shapes_bench
onednn_bench (which exists only if oneDNN was found). Close everything else that uses the machine.

Each part writes PART.md, PART.json and, with matplotlib, PART.png into docs/results/PROCESSOR or the
folder of --output. Without --output, a run with --filter or --random only prints its tables."""
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
from comparison.processor import this_design
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
    parser.add_argument("--random", default="", metavar="COUNT,SEED",
                        help="COUNT random convolutions of each family instead of the cases of the part "
                             "shapes, to see what nobody has tuned for")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=1,
                        help="minimum time of a measurement; default: 1")
    parser.add_argument("--threads", type=int, nargs="+", default=[os.cpu_count()], metavar="N",
                        help="threads of every contender, one number or several; default: all cores")
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release",
                        metavar="DIR", help="build folder; default: build/release")
    parser.add_argument("--python", action="append", metavar="PYTHON",
                        help="interpreter with PyTorch, ONNX Runtime and OpenVINO, or some of them; may "
                             "be repeated, the best result counts")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR",
                        help="folder of the results; default: docs/results/PROCESSOR, here "
                             f"{this_design()}")
    parser.add_argument("--report-only", action="store_true",
                        help="measure nothing, and write the tables and plots of PART.json anew")
    parser.add_argument("--wrap", default="", metavar="COMMAND",
                        help="prefix of every timed command, such as 'taskset -c 0,1'")
    args = parser.parse_args()
    if args.rounds < 1 or min(args.threads) < 1 or args.seconds <= 0:
        parser.error("--rounds, --threads and --seconds must be positive")
    return args


def select_rows(args, part):
    rows = [row for threads in dict.fromkeys(args.threads)
            for row in Cases(args.build, args.python or [sys.executable], threads,
                             args.seconds, args.random).rows(part)]
    return [row for row in rows if re.search(args.filter, row.name)]


def measured(args, rows):
    """A run, as it goes into the JSON file."""
    run_rounds(rows, args.rounds, args.wrap)
    return {"machine": machine.describe(args.build, SOURCE, rows),
            "rounds": args.rounds, "seconds": args.seconds,
            "results": [result(row, machine.fma_peak(rows, row.ours.threads)) for row in rows]}


def write(run, folder):
    """Writes PART.md, PART.json and PART.png."""
    part = run["results"][0]["part"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}.md").write_text(markdown(run))
    (folder / f"{part}.json").write_text(json.dumps(run, indent=1) + "\n")
    if importlib.util.find_spec("matplotlib"):
        plot(run["results"], folder / f"{part}.png")
    else:
        print("no plot: matplotlib is missing (Debian: python3-matplotlib, for /usr/bin/python3)",
              file=sys.stderr)


def write_anew(parts, folder):
    files = [path for part in parts if (path := folder / f"{part}.json").exists()]
    if not files:
        sys.exit(f"expected {parts[0]}.json or the like in {folder}, found none")
    for path in files:
        write(json.loads(path.read_text()), folder)


def markdown(run):
    return report.markdown(run["machine"], run["results"], run["rounds"], run["seconds"])


def main():
    args = parse_arguments()
    folder = args.output or SOURCE / "docs" / "results" / this_design()
    if args.report_only:
        write_anew(args.parts, folder)
        return
    selected = [rows for part in args.parts if (rows := select_rows(args, part))]
    if not selected:
        sys.exit(f"no case matches --filter {args.filter}")
    for rows in selected:
        run = measured(args, rows)
        print(markdown(run))
        if args.output or not (args.filter or args.random):
            write(run, folder)


if __name__ == "__main__":
    main()
