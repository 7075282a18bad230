#!/usr/bin/env python3
"""Studies what recurrence adds to the networks of Yin, Zhang and Shao (2019): plain networks, taps,
read-outs, sweeps, and controls that have another layer in a recurrent one's place, by two recipes,
on held-out images, several seeds each. Writes recurrence.md, tables with paired tests, and
recurrence.csv, the record of all finished runs: those it does not make again.

You may stop it at any moment, with Ctrl-C or a kill: the same command continues it.

Exit code: 0 if all runs are done, 1 if one failed or diverged, 2 for wrong use, 130 if the study was
stopped. Build first:
cmake --build --preset release --target cifar10_cnn_rnn cifar10_vgg9 cifar10_resnet20"""
import argparse
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(SOURCE / "benchmarks"))

try:
    from paper import study_report  # noqa: E402
except ModuleNotFoundError as missing:
    sys.exit(f"recurrence: {missing} (Debian: python3-scipy, for /usr/bin/python3)")
from comparison import machine  # noqa: E402
from paper import study  # noqa: E402
from paper.batch import Batch  # noqa: E402
from paper.grid import NETWORKS  # noqa: E402
from paper.record import Record  # noqa: E402

COMMAND = "python3 examples/recurrence.py --data DIR --threads 1 --jobs 2"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=study.PARTS, default=[*study.PARTS],
                        metavar="PART", help="what to study: " + ", ".join(study.PARTS) + "; default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5), metavar="SEED",
                        help="seeds to train now, of those that a part has; default: all")
    parser.add_argument("--data", default="auto", metavar="DIR",
                        help="folder of the images, as for the programs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/recurrence"), metavar="DIR",
                        help="where each run gets a folder; default: runs/recurrence")
    parser.add_argument("--results", type=pathlib.Path, default=SOURCE / "docs" / "results",
                        metavar="DIR", help="where record and tables go; default: docs/results")
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release",
                        metavar="DIR", help="build folder; default: build/release")
    parser.add_argument("--threads", type=int, default=1, help="threads of a run; default: 1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="runs side by side; default: one for each processor")
    parser.add_argument("--launcher", type=shlex.split, default=[], metavar="COMMAND",
                        help="what starts the program of a run, such as numactl --cpunodebind=0")
    parser.add_argument("--retry-diverged", action="store_true",
                        help="train diverged runs again, from the start")
    trial = parser.add_argument_group("for a trial, with an --out and --results of its own")
    trial.add_argument("--epochs", type=int, metavar="N", help="epochs of every run")
    trial.add_argument("--limit", type=int, metavar="N", help="use N images of each part, hold out N / 2")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="only show which runs are done")
    what.add_argument("--report-only", action="store_true", help="only write the tables, from the record")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"argument --jobs: expected 1 or more, got {args.jobs}")
    return args


def parts_of(args):
    def tried(part):
        changes = {}
        if args.epochs:
            changes |= {"epochs": args.epochs, "longer": tuple(args.epochs + k + 1
                                                               for k in range(len(part.longer)))}
        if args.limit:
            changes["settings"] = (*part.settings, ("holdout", args.limit // 2), ("limit", args.limit))
        return dataclasses.replace(part, **changes)

    return [tried(study.PARTS[name]) for name in args.parts]


def test_accuracy(args, run):
    """What the finished network of a run reaches on the test images."""
    program = args.build / "examples" / NETWORKS[run.row.network].program
    text = subprocess.run([program, "evaluate", "--data", args.data, "--threads", str(args.threads),
                           "--checkpoint", run.folder / "checkpoint.safetensors"],
                          check=True, capture_output=True, text=True).stdout
    return float(re.search(r"test accuracy ([0-9.]+)", text).group(1))


def write_report(args, record):
    text = study_report.markdown(parts_of(args), record, args.out, COMMAND)
    (args.results / "recurrence.md").write_text(text)
    print(f"recurrence: {args.results / 'recurrence.md'}")


def train(args, record):
    planned = [each for part in parts_of(args) for each in part.planned(args.out, args.seeds)]
    open_runs = {each.run: each for each in planned if each.key not in record.runs}
    print(f"recurrence: {len(planned) - len(open_runs)} of {len(planned)} runs are done")
    if args.status:
        for each in planned:
            state = "done" if each.run not in open_runs else each.run.state(each.goal)
            print(f"{each.run.title}, {each.goal}: {state}")
        return 0

    def keep(run):
        record.add(open_runs[run].key, run.history(), test_accuracy(args, run))

    facts = {"processor": machine.processor(), "threads": args.threads,
             "compiler": machine.compiler(args.build), "commit": machine.commit(SOURCE)}
    batch = Batch(args, facts, after=keep)
    return batch.run([*open_runs], lambda run: open_runs[run].goal)


def main():
    args = parse_arguments()
    args.results.mkdir(parents=True, exist_ok=True)
    record = Record(args.results / "recurrence.csv")
    code = 0 if args.report_only else train(args, record)
    if not args.status:
        write_report(args, record)
    return code


if __name__ == "__main__":
    sys.exit(main())
