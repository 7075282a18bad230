"""The table beside the paper's numbers, in Markdown, and the histories it is made of, as CSV."""
import csv
import dataclasses
import io
import shlex
import statistics

from paper.grid import MOST_EPOCHS

GUIDE = """Written by `examples/table1.py`, which trains the networks of Yin, Zhang and Shao (2019) and holds them
against their Table 1. Accuracies are those of a run's last epoch, which is the first whose training accuracy reaches
the paper's, or the last that the run was given. *Training* is the accuracy on the training images while the epoch went
on, *test* that after it. Behind ± stands the standard deviation over the seeds. *Over paper* is what the test accuracy
has more than the paper's, *gain* what it has more than that of the same network without an RNN. CIFAR-10's 10,000 test
images alone give a single accuracy a standard error of 0.004: a smaller difference says little. *Time of a run*
estimates what its training takes of a machine of its own, without the tests: the number of its epochs times the fastest
of them, since a run may have shared the machine or been paused."""


@dataclasses.dataclass
class Result:
    """The runs of a row that are done."""
    row: object
    runs: list

    def last(self, quantity):
        return [getattr(run.history()[-1], quantity) for run in self.runs]

    @property
    def test(self):
        return statistics.fmean(self.last("test_accuracy"))

    def seconds(self):
        """What each run takes of a machine of its own."""
        histories = [run.history() for run in self.runs]
        return [len(history) * min(epoch.seconds for epoch in history) for history in histories]

    def short(self):
        """How many runs ended before the accuracy they were to reach."""
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
    gain = f"{result.test - plain.test:+.4f}" if plain and row.rnn != "none" else ""
    return (f"| {row.title} | {len(result.runs)} | {spread(result.last('train_accuracy'), 4)} "
            f"| {paper.train:.3f} | {spread(result.last('test_accuracy'), 4)} | {paper.test:.3f} "
            f"| {result.test - paper.test:+.4f} | {gain} | {epochs} "
            f"| {duration(statistics.fmean(result.seconds()))} |")


def table(title, results):
    by_row = {result.row: result for result in results}
    return "\n".join([f"## {title}", "",
                      "| network | seeds | training | paper | test | paper | over paper | gain "
                      "| epochs | time of a run |", "|---|---|---|---|---|---|---|---|---|---|",
                      *(line(result, next(filter(None, map(by_row.get, result.row.plain())), None))
                        for result in results)])


def command(result):
    """What repeats a row."""
    row, goal = result.row, result.runs[0].goal()
    return shlex.join(["examples/table1.py", "--models", row.network, "--rnns", row.rnn,
                       *(part.replace("--wavelet", "--wavelets")
                         for option in row.options() for part in option),
                       "--seeds", *(str(run.seed) for run in result.runs),
                       *([] if goal.epochs == MOST_EPOCHS else ["--epochs", str(goal.epochs)]),
                       *([] if goal.train_accuracy else ["--no-until-paper"])])


def commands(results):
    return "\n".join(["## Repeating a row", "",
                      "From the project's folder, once the programs are built and CIFAR-10 is in `data/` "
                      "(or named with `--data`):", "", "```sh",
                      *(f"python3 {command(result)}" for result in results), "```"])


def left_out(runs):
    def why(run):
        return (f"diverged ({run.diverged()})" if run.diverged() else
                f"not done, {len(run.history())} epochs so far")

    lines = [f"- {run.title}: {why(run)}" for run in runs if not is_done(run)]
    return "\n".join(["## Runs that are not in the tables", "", *lines]) if lines else ""


def conditions(results):
    """Where the runs were made: a line for each fact, with all values that occur."""
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
    """`beside`: a section to put behind the tables."""
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
