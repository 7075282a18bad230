"""The same networks trained in PyTorch (benchmarks/peers/torch_table1.py), beside ours."""
import re
import statistics

from paper.grid import MOST_EPOCHS
from paper.report import spread
from paper.runs import Goal, Run

GUIDE = """Trained by `benchmarks/peers/torch_table1.py` with the same recipe and until the same training accuracy, with random
numbers of its own; it keeps the last batch of an epoch, of 80 images, which ours leaves out. *Over PyTorch* is what our
mean test accuracy has more than PyTorch's. *Apart by epoch* is the largest difference between the mean accuracies of
the same epoch, training and test, from the third epoch on and as far as all runs go."""


def runs_of(row, folder):
    """Those that have reached the paper's training accuracy, or all epochs."""
    named = ((path, re.fullmatch(rf"{re.escape(row.name())}-seed(\d+)", path.name))
             for path in folder.iterdir())
    runs = [Run(path, row, int(match.group(1))) for path, match in named if match]
    goal = Goal(MOST_EPOCHS, row.paper.train)
    return sorted((run for run in runs if goal.reached(run.history())), key=lambda run: run.seed)


def apart(ours, theirs, quantity):
    """The largest difference between the means of the same epoch, from the third on."""
    histories = [[[getattr(epoch, quantity) for epoch in run.history()] for run in runs]
                 for runs in (ours, theirs)]
    shortest = min(len(history) for side in histories for history in side)
    differences = [abs(statistics.fmean(history[epoch] for history in histories[0]) -
                       statistics.fmean(history[epoch] for history in histories[1]))
                   for epoch in range(2, shortest)]
    return f"{max(differences):.4f}" if differences else ""


def line(result, theirs):
    def last(quantity):
        return [getattr(run.history()[-1], quantity) for run in theirs]

    over = result.test - statistics.fmean(last("test_accuracy"))
    return (f"| {result.row.title} | {len(theirs)} | {spread(last('train_accuracy'), 4)} "
            f"| {spread(last('test_accuracy'), 4)} | {spread(last('epoch'), 1)} | {over:+.4f} "
            f"| {apart(result.runs, theirs, 'train_accuracy')} "
            f"| {apart(result.runs, theirs, 'test_accuracy')} |")


def section(results, folder):
    """A section of the report, empty without a folder."""
    if not folder:
        return ""
    pairs = [(result, runs_of(result.row, folder)) for result in results]
    lines = [line(result, theirs) for result, theirs in pairs if theirs]
    if not lines:
        return "## The same in PyTorch\n\nNo run here is one of a network in the tables that has reached its goal."
    return "\n".join(["## The same in PyTorch", "", GUIDE, "",
                      "| network | seeds | training | test | epochs | over PyTorch | apart by epoch, training | test |",
                      "|---|---|---|---|---|---|---|---|", *lines])
