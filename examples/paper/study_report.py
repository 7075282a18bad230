"""Writes what a study found: means, spreads, and paired tests by seed."""
import statistics

from scipy import stats

from paper.report import duration, spread
from paper.study import CONVOLUTION, PLAIN

GUIDE = """\
`examples/recurrence.py` trains networks with and without a recurrent part
([how it joins](../cifar10.md#how-a-recurrent-network-joins)) and with a control, a layer that is not recurrent in its
place. Every run holds out 5,000 of the training images, which its seed chooses, and trains on the other 45,000.

- *held out* is the accuracy on the held-out images after the last epoch. Designs are chosen by it. *test* is the
  accuracy of the same networks on the test images, measured once. Both are means ± standard deviation over seeds.
- *over plain* and *over the convolution* are mean differences, in points, between held-out accuracies of the same seed,
  with the p of a paired, two-sided t-test.
- *training time* is the number of epochs times the fastest of them, on one thread, since runs shared the machine."""

HEADER = """\
| network | epochs | seeds | held out | test | over plain | p | over the convolution | p | training time |
|---|---|---|---|---|---|---|---|---|---|"""


def paired(runs, others):
    """The mean difference in points and the p of a paired t-test, over the seeds of both."""
    seeds = sorted(runs.keys() & others.keys())
    ours, theirs = ([which[seed].held_out for seed in seeds] for which in (runs, others))
    if not seeds or runs is others:
        return "", ""
    difference = 100 * (statistics.fmean(ours) - statistics.fmean(theirs))
    p = f"{stats.ttest_rel(ours, theirs).pvalue:.3f}" if len(seeds) > 1 and ours != theirs else ""
    return f"{difference:+.2f}", p


def settled(row, text):
    """The title without what all rows of a part have in common."""
    common = [f"recipe {row.recipe}", *(" ".join(setting.arguments(value))[2:]
                                        for setting, value in row.changes)]
    return ", ".join(part for part in text.split(", ") if part not in common)


def line(row, runs, plain, convolution):
    finished = [*runs.values()]
    epochs = spread([len(run.history) for run in finished], 1)
    cells = [settled(row, row.title), epochs.replace(".0", "").replace(" ± 0", ""), str(len(runs)),
             spread([run.held_out for run in finished], 4), spread([run.test for run in finished], 4),
             *paired(runs, plain), *paired(runs, convolution),
             duration(statistics.fmean(run.seconds for run in finished))]
    return f"| {' | '.join(cells)} |"


def table(part, record, out):
    """The part's designs that have runs, in its order."""
    by_design = {}
    for planned in part.planned(out, range(part.seeds)):
        if planned.key in record.runs:
            runs = by_design.setdefault((planned.run.row, planned.goal.epochs), {})
            runs[planned.run.seed] = record.runs[planned.key]
    plain = by_design.get((part.row(PLAIN), part.epochs), {})
    convolution = by_design.get((part.row(CONVOLUTION), part.epochs), {})
    lines = [line(row, runs, plain, convolution) for (row, _), runs in by_design.items()]
    return "\n".join([f"## {part.title}", "", HEADER, *lines]) if lines else ""


def markdown(parts, record, out, command):
    return "\n\n".join(filter(None, [
        "# What recurrence adds", GUIDE, *(table(part, record, out) for part in parts),
        f"## Repeating it\n\nRuns that are on record ([histories](recurrence.csv)) are not made again.\n\n"
        f"```sh\n{command}\n```"])) + "\n"
