#!/usr/bin/env python3
"""Repeats Table 1 of Yin, Zhang and Shao (2019): trains a grid of networks, cells, taps and seeds,
each run until its training accuracy reaches the paper's, and writes the table beside the paper's
numbers with figures 4 and 5.

A batch may be stopped at any moment, by Ctrl-C or less gently: the same command goes on where it
was. It goes on behind a run whose loss was not finite too, and leaves that as it is until
--retry-diverged asks for it. The exit code is 0 when all runs are done, 1 when one failed or
diverged, 2 for wrong use, 130 when the batch was stopped. Build first:
cmake --build --preset release --target cifar10_cnn_rnn cifar10_vgg9 cifar10_resnet20"""
import argparse
import importlib.util
import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(SOURCE / "benchmarks"))

from comparison import machine  # noqa: E402
from paper import figures, grid, peer, report  # noqa: E402
from paper.batch import Batch  # noqa: E402
from paper.runs import Goal, Run, find_runs  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=grid.NETWORKS, default=[*grid.NETWORKS],
                        metavar="MODEL", help="some of " + ", ".join(grid.NETWORKS))
    parser.add_argument("--rnns", nargs="+", metavar="RNN", help="default: all that the programs know")
    parser.add_argument("--taps", nargs="+", default=["all"], metavar="STAGES",
                        help="tapped stages: all, or as in 1 and 1,3")
    parser.add_argument("--wavelets", nargs="+", default=["none"], metavar="WAVELET")
    parser.add_argument("--peepholes", nargs="+", default=["default"], metavar="FORM",
                        help="none, current, previous or default, which a cell that lacks the others "
                             "keeps; default: default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED")
    parser.add_argument("--epochs", type=int, default=grid.MOST_EPOCHS, help="the most of a run")
    parser.add_argument("--until-paper", action=argparse.BooleanOptionalAction, default=True,
                        help="end a run at the paper's training accuracy")
    parser.add_argument("--retry-diverged", action="store_true",
                        help="train runs that diverged again, from their start: after a change of the "
                             "programs, since the same ones compute the same (a run with another "
                             "recipe is another run); a run that diverges once more begins anew with "
                             "every call that has this option")
    recipe = parser.add_argument_group("changes of the recipe, named in the table")
    for setting in grid.RECIPE:
        how = ({"action": "store_true"} if setting.default is False else
               {"type": type(setting.default), "default": setting.default, "metavar": "X"})
        recipe.add_argument(setting.option, dest=setting.key, help=setting.help, **how)
    where = parser.add_argument_group("where")
    where.add_argument("--data", default="auto", metavar="DIR", help="as for the programs")
    where.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/table1"), metavar="DIR",
                       help="a folder for each run; default: runs/table1")
    where.add_argument("--results", type=pathlib.Path, metavar="DIR",
                       help="for table and figures; default: that of --out")
    where.add_argument("--peer", type=pathlib.Path, metavar="DIR",
                       help="runs of benchmarks/peers/torch_table1.py, to put beside ours in the report")
    where.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release",
                       metavar="DIR", help="where the programs were built")
    where.add_argument("--threads", type=int, default=0, help="0: as many as OpenMP offers")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="only show how far the grid is")
    what.add_argument("--report-only", action="store_true",
                      help="only write table and figures of all runs in --out")
    args = parser.parse_args()
    if args.peer and not args.peer.is_dir():
        parser.error(f"argument --peer: expected a folder, found no {args.peer}")
    if not 1 <= args.epochs <= grid.MOST_EPOCHS:
        parser.error(f"argument --epochs: expected 1 to {grid.MOST_EPOCHS}, got {args.epochs}")
    return args


def check_names(args):
    """Takes the cells, peepholes and wavelets from the programs, and exits if one is asked for that
    they lack."""
    for network in args.models:
        program = args.build / "examples" / grid.NETWORKS[network].program
        if not program.exists():
            sys.exit(f"table1: expected {program}, found none; build it first (see --help)")
        rnns = grid.choices(program, "--rnn")
        args.rnns = args.rnns or rnns
        for asked, known in ((args.rnns, rnns), (args.wavelets, grid.choices(program, "--wavelet")),
                             (args.peepholes, grid.choices(program, "--peepholes"))):
            for name in asked:
                if name not in known:
                    print(f"table1: expected one of {', '.join(known)}, got {name}", file=sys.stderr)
                    sys.exit(2)


def plan(args):
    """The runs of the grid: all rows with the first seed, then all with the second."""
    rows = dict.fromkeys(grid.rows(args.models, args.rnns, args.peepholes, args.taps, args.wavelets,
                                   vars(args)))
    return [Run.at(args.out, row, seed) for seed in dict.fromkeys(args.seeds) for row in rows]


STATUS = "{:44} {:>6}  {:>7}  {:>8} {:7}  {:>6}  {}"


def show_status(runs, goal_of):
    print(STATUS.format("run", "epochs", "s/epoch", "training", "(goal)", "test", "state"))
    for run in runs:
        goal, history = goal_of(run.row), run.history()
        seconds = train = test = ""
        if history:
            last = history[-1]
            seconds, train, test = (f"{last.seconds:.1f}", f"{last.train_accuracy:.4f}",
                                    f"{last.test_accuracy:.4f}")
        wanted = f"({goal.train_accuracy})" if goal.train_accuracy else ""
        print(STATUS.format(run.title, len(history), seconds, train, wanted, test, run.state(goal)))


def write_report(args):
    runs = [*find_runs(args.out)]
    folder = args.results or args.out
    folder.mkdir(parents=True, exist_ok=True)
    results = report.results_of(runs)
    drawn = []
    if importlib.util.find_spec("matplotlib"):
        drawn = figures.draw_all(results, folder)
    else:
        print("table1: no figures, matplotlib is missing (Debian: python3-matplotlib, for "
              "/usr/bin/python3)", file=sys.stderr)
    (folder / "table1.csv").write_text(report.histories(runs))
    (folder / "table1.md").write_text(report.markdown(runs, drawn, peer.section(results, args.peer)))
    print(f"table1: {folder / 'table1.md'}")


def describe_machine(args):
    return {"processor": machine.processor(), "threads": args.threads or os.cpu_count(),
            "compiler": machine.compiler(args.build), "commit": machine.commit(SOURCE)}


def main():
    args = parse_arguments()
    if args.report_only:
        write_report(args)
        return 0
    check_names(args)
    runs = plan(args)

    def goal_of(row):
        return Goal(args.epochs, row.paper.train if args.until_paper else 0)

    show_status(runs, goal_of)
    if args.status:
        return 0
    code = Batch(args, describe_machine(args)).run(runs, goal_of)
    print()
    show_status(runs, goal_of)
    write_report(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
