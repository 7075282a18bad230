"""Compares runs with those of the same networks in PyTorch (benchmarks/peers/torch_table1.py)."""
import re
import statistics

from paper.grid import MOST_EPOCHS
from paper.report import spread
from paper.runs import Goal, Run

GUIDE = """\
`benchmarks/peers/torch_table1.py` trains these networks with the same recipe, until the same training accuracy, but
with different random numbers. It keeps the last batch of an epoch, of 80 images, which cnnrnn leaves out. *vs. PyTorch*
is cnnrnn's mean test accuracy minus PyTorch's. *largest gap* is the largest difference between the mean accuracies of
the same epoch, from the third epoch on and as far as all runs go."""


def runs_of(row, folder):
    """The runs of a row that reached the paper's training accuracy or their last epoch."""
    named = ((path, re.fullmatch(rf"{re.escape(row.name())}-seed(\d+)", path.name))
             for path in folder.iterdir())
    runs = [Run(path, row, int(match.group(1))) for path, match in named if match]
    goal = Goal(MOST_EPOCHS, row.paper.train)
    return sorted((run for run in runs if goal.reached(run.history())), key=lambda run: run.seed)


def apart(ours, theirs, quantity):
    """The largest difference between the mean accuracies of the same epoch, from the third epoch on."""
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
    """A section of the report. Empty without a folder."""
    if not folder:
        return ""
    pairs = [(result, runs_of(result.row, folder)) for result in results]
    lines = [line(result, theirs) for result, theirs in pairs if theirs]
    if not lines:
        return "## The same in PyTorch\n\nThere is no finished PyTorch run of a network in the tables."
    return "\n".join(["## The same in PyTorch", "", GUIDE, "",
                      "| network | seeds | training | test | epochs | vs. PyTorch "
                      "| largest gap, training | largest gap, test |",
                      "|---|---|---|---|---|---|---|---|", *lines])
