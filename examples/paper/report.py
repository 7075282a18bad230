"""Writes the table beside the paper's numbers, as Markdown, and the histories behind it, as CSV."""
import csv
import dataclasses
import io
import shlex
import statistics

from paper.grid import MOST_EPOCHS

GUIDE = """\
`examples/table1.py` trains the networks of Yin, Zhang and Shao (2019) and compares them with the paper's Table 1. A run
ends at the first epoch whose training accuracy reaches the paper's, or after the last epoch it was given.

- *training* is the accuracy on the training images, taken during the last epoch of a run, *test* the test accuracy
  after it. With several seeds, accuracies and epochs are means ± standard deviation.
- *vs. paper* is the test accuracy minus the paper's, *gain* the test accuracy minus that of the same network without an
  RNN and without a control, which is something else in its place. The standard error of a single accuracy on
  CIFAR-10's 10,000 test images is 0.004: a smaller difference says little.
- *training time* estimates how long a run trains on a machine of its own, without the tests: the number of its epochs
  times the fastest of them, since a run may have shared the machine or been paused."""


PLURALS = {"--wavelet": "--wavelets", "--control": "--controls"}  # of the programs, of table1.py


@dataclasses.dataclass
class Result:
    """The finished runs of a row."""
    row: object
    runs: list

    def last(self, quantity):
        return [getattr(run.history()[-1], quantity) for run in self.runs]

    @property
    def test(self):
        return statistics.fmean(self.last("test_accuracy"))

    def seconds(self):
        """The training time of each run on a machine of its own."""
        histories = [run.history() for run in self.runs]
        return [len(history) * min(epoch.seconds for epoch in history) for history in histories]

    def short(self):
        """How many runs ended before they reached their accuracy."""
        return sum(run.goal().train_accuracy > 0 and not run.goal().accurate(run.history())
                   for run in self.runs)


def spread(values, digits):
    text = f"{statistics.fmean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {statistics.stdev(values):.{digits}f}"


def duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def is_done(run):
    return run.state(run.goal()) == "done"


def results_of(runs):
    done = {}
    for run in runs:
        if is_done(run):
            done.setdefault(run.row, []).append(run)
    return [Result(row, sorted(done[row], key=lambda run: run.seed))
            for row in sorted(done, key=lambda row: row.sort_key())]


def line(result, plain):
    row, paper = result.row, result.row.paper
    epochs = spread(result.last("epoch"), 1).replace(".0", "")
    if result.short():
        epochs += f" ({result.short()} below the goal)"
    gain = f"{result.test - plain.test:+.4f}" if plain and row != plain.row else ""
    return (f"| {row.title} | {len(result.runs)} | {spread(result.last('train_accuracy'), 4)} "
            f"| {paper.train:.3f} | {spread(result.last('test_accuracy'), 4)} | {paper.test:.3f} "
            f"| {result.test - paper.test:+.4f} | {gain} | {epochs} "
            f"| {duration(statistics.fmean(result.seconds()))} |")


def table(title, results):
    by_row = {result.row: result for result in results}
    return "\n".join([f"## {title}", "",
                      "| network | seeds | training | paper | test | paper | vs. paper | gain "
                      "| epochs | training time |", "|---|---|---|---|---|---|---|---|---|---|",
                      *(line(result, next(filter(None, map(by_row.get, result.row.plain())), None))
                        for result in results)])


def command(result):
    """The command that repeats a row."""
    row, goal = result.row, result.runs[0].goal()
    return shlex.join(["examples/table1.py", "--models", row.network, "--rnns", row.rnn,
                       *([] if row.join == "tap" else ["--joins", row.join]),
                       *(PLURALS.get(part, part) for option in row.options() for part in option),
                       "--seeds", *(str(run.seed) for run in result.runs),
                       *([] if goal.epochs == MOST_EPOCHS else ["--epochs", str(goal.epochs)]),
                       *([] if goal.train_accuracy else ["--no-until-paper"])])


def commands(results):
    return "\n".join(["## Repeating a row", "",
                      "Build the programs, put CIFAR-10 into `data/` or add `--data DIR`, and run in the "
                      "project's folder:", "", "```sh",
                      *(f"python3 {command(result)}" for result in results), "```"])


def left_out(runs):
    def why(run):
        return (f"diverged ({run.diverged()})" if run.diverged() else
                f"not done, {len(run.history())} epochs so far")

    lines = [f"- {run.title}: {why(run)}" for run in runs if not is_done(run)]
    return "\n".join(["## Runs not in the tables", "", *lines]) if lines else ""


def conditions(results):
    """The conditions of the runs: one line per fact, with all values that occur."""
    facts = {}
    for result in results:
        for run in result.runs:
            for what, which in run.circumstances().items():
                facts.setdefault(what, set()).add(str(which))
    return "\n".join(["| | |", "|---|---|",
                      *(f"| {what} | {'; '.join(sorted(which))} |" for what, which in facts.items())])


def pictures(figures):
    return "\n\n".join(f"![{title}]({path.name})" for title, path in figures)


def markdown(runs, figures, beside=""):
    """`beside` is a section to put after the tables."""
    results = results_of(runs)
    tables = [("On the test images", False), ("On held-out training images", True)]
    parts = ["# Table 1 of the paper, repeated", GUIDE, conditions(results)]
    for title, held_out in tables:
        if rows := [result for result in results if result.row.held_out == held_out]:
            parts.append(table(title, rows))
    return "\n\n".join(filter(None, [*parts, beside, pictures(figures), commands(results),
                                     left_out(runs)])) + "\n"


def histories(runs):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = None
    for run in runs:
        for epoch in run.history():
            if not header:
                header = ["network", "seed", *dataclasses.asdict(epoch)]
                writer.writerow(header)
            writer.writerow([run.row.name(), run.seed, *dataclasses.astuple(epoch)])
    return text.getvalue()
