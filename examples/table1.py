#!/usr/bin/env python3
"""Repeats Table 1 of Yin, Zhang and Shao (2019). Trains a grid of networks, cells, taps and seeds, each
run until its training accuracy reaches the paper's, and writes a table beside the paper's numbers,
with figures 4 and 5.

You may stop a batch at any moment, with Ctrl-C or a kill: the same command continues it. A run
whose loss is not finite does not stop the batch; it stays as it is until you pass --retry-diverged.

Exit code: 0 if all runs are done, 1 if one failed or diverged, 2 for wrong use, 130 if the batch was
stopped. Build first:
cmake --build --preset release --target cifar10_cnn_rnn cifar10_vgg9 cifar10_resnet20"""
import argparse
import importlib.util
import os
import pathlib
import shlex
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
                        metavar="MODEL",
                        help="networks to train: " + ", ".join(grid.NETWORKS) + "; default: all")
    parser.add_argument("--rnns", nargs="+", metavar="RNN",
                        help="cells to train them with; default: all that the programs know")
    parser.add_argument("--controls", nargs="+", choices=grid.CONTROLS, default=["none"],
                        metavar="CONTROL",
                        help="what the networks without a cell have in place of one: " +
                             ", ".join(grid.CONTROLS) + "; default: none")
    parser.add_argument("--joins", nargs="+", choices=grid.JOINS, default=["tap"], metavar="JOIN",
                        help="how the cells join the networks: " + ", ".join(grid.JOINS) +
                             "; default: tap")
    parser.add_argument("--after", nargs="+", default=["default"], metavar="STAGES",
                        help="stages that they are behind: all, a list such as 1 or 1,3, or default")
    parser.add_argument("--taps", nargs="+", default=["all"], metavar="STAGES",
                        help="stages to tap: all, or a list such as 1 or 1,3; default: all")
    parser.add_argument("--wavelets", nargs="+", default=["none"], metavar="WAVELET",
                        help="wavelets in front of the cells; default: none")
    parser.add_argument("--peepholes", nargs="+", default=["default"], metavar="FORM",
                        help="peepholes of the cells: none, current, previous or default; a cell that has "
                             "none of those named keeps its default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED",
                        help="one run of each row per seed; default: 0")
    parser.add_argument("--epochs", type=int, default=grid.MOST_EPOCHS,
                        help=f"maximum epochs of a run; default: {grid.MOST_EPOCHS}")
    parser.add_argument("--until-paper", action=argparse.BooleanOptionalAction, default=True,
                        help="end a run when it reaches the paper's training accuracy")
    parser.add_argument("--retry-diverged", action="store_true",
                        help="train diverged runs again, from the start; useful after a change of the "
                             "programs, since unchanged programs compute the same again (a run with "
                             "another recipe is another run); a run that diverges again starts anew "
                             "with every call that has this option")
    recipe = parser.add_argument_group("changes to the recipe, named in the table")
    recipe.add_argument("--recipe", choices=grid.RECIPES, default="paper",
                        help="what the settings below begin with; default: paper")
    for setting in grid.RECIPE:
        how = ({"action": argparse.BooleanOptionalAction} if setting.default is False else
               {"type": type(setting.default), "metavar": "X"})
        recipe.add_argument(setting.option, dest=setting.key, help=setting.help, **how)
    where = parser.add_argument_group("where")
    where.add_argument("--data", default="auto", metavar="DIR",
                       help="folder of the images, as for the programs")
    where.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/table1"), metavar="DIR",
                       help="where each run gets a folder; default: runs/table1")
    where.add_argument("--results", type=pathlib.Path, metavar="DIR",
                       help="where the table and figures go; default: the folder of --out")
    where.add_argument("--peer", type=pathlib.Path, metavar="DIR",
                       help="runs of benchmarks/peers/torch_table1.py to compare with in the report")
    where.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release",
                       metavar="DIR", help="build folder; default: build/release")
    where.add_argument("--threads", type=int, default=0,
                       help="threads of a run; default: 0, as many as OpenMP offers")
    where.add_argument("--jobs", type=int, default=1, metavar="N",
                       help="runs side by side; default: 1. With --threads 1, a run on each core ends "
                            "sooner than one after the other on all")
    where.add_argument("--launcher", type=shlex.split, default=[], metavar="COMMAND",
                       help='what starts the processes of a run, such as "mpirun -n 4"; give --shards too')
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="only show the state of the runs")
    what.add_argument("--report-only", action="store_true",
                      help="only write the table and figures, from all runs in --out")
    args = parser.parse_args()
    for setting in grid.RECIPE:
        if getattr(args, setting.key) is None:
            setattr(args, setting.key, grid.value_in(args.recipe, setting))
    if args.peer and not args.peer.is_dir():
        parser.error(f"argument --peer: expected a folder, found no {args.peer}")
    if args.jobs < 1:
        parser.error(f"argument --jobs: expected 1 or more, got {args.jobs}")
    if args.launcher and args.shards == 1:
        parser.error("argument --launcher: expected --shards too, such as the number of processes")
    if not 1 <= args.epochs <= grid.MOST_EPOCHS:
        parser.error(f"argument --epochs: expected 1 to {grid.MOST_EPOCHS}, got {args.epochs}")
    return args


def check_names(args):
    """Asks the programs which cells, peepholes and wavelets they know. Exits if one was asked for that
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
    """The runs of the grid: all rows with the first seed, then all with the second, and so on."""
    rows = dict.fromkeys(grid.rows(args.models, args.rnns, args.controls, args.joins, args.after, args.peepholes,
                                   args.taps, args.wavelets, vars(args)))
    return [Run.at(args.out, row, seed) for seed in dict.fromkeys(args.seeds) for row in rows]


STATUS = "{:44} {:>6}  {:>7}  {:>8} {:7}  {:>6}  {}"


def show_status(runs, goal_of):
    print(STATUS.format("run", "epochs", "s/epoch", "training", "(goal)", "test", "state"))
    for run in runs:
        goal, history = goal_of(run), run.history()
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

    def goal_of(run):
        return Goal(args.epochs, run.row.paper.train if args.until_paper else 0)

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
