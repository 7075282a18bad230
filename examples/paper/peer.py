"""The same networks trained in PyTorch (benchmarks/peers/torch_table1.py), beside ours."""
import statistics

from paper.report import spread
from paper.runs import Run

GUIDE = """Trained by `benchmarks/peers/torch_table1.py` with the same recipe and until the same training accuracy, with random
numbers of its own. *Over PyTorch* is what our mean test accuracy has more than PyTorch's. *Apart by epoch* is the
largest difference between the mean accuracies of the same epoch, training and test, from the third epoch on and as far
as all runs go."""


def runs_of(row, folder):
    runs = [Run(path.parent, row, int(path.parent.name.rpartition("seed")[2]))
            for path in folder.glob(f"{row.name()}-seed*/history.csv")]
    return sorted(runs, key=lambda run: run.seed)


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
    """A section of the report, empty without a folder or without runs of ours beside PyTorch's."""
    if not folder:
        return ""
    pairs = [(result, runs_of(result.row, folder)) for result in results]
    lines = [line(result, theirs) for result, theirs in pairs if theirs]
    if not lines:
        return ""
    return "\n".join(["## The same in PyTorch", "", GUIDE, "",
                      "| network | seeds | training | test | epochs | over PyTorch | apart by epoch, training | test |",
                      "|---|---|---|---|---|---|---|---|", *lines])
