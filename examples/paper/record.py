"""The finished runs of a study in one CSV file, which outlives the folders of the runs."""
import csv
import dataclasses
import os
import threading

from paper.runs import Epoch

KEY = ("network", "goal", "seed")


@dataclasses.dataclass(frozen=True)
class Finished:
    history: list
    test: float  # accuracy on the test images, measured once, after the last epoch

    @property
    def held_out(self):
        return self.history[-1].test_accuracy

    @property
    def seconds(self):
        """The training time on a machine of its own."""
        return len(self.history) * min(epoch.seconds for epoch in self.history)


class Record:
    """Finished runs by (name of the row, greatest number of epochs, seed)."""

    def __init__(self, path):
        self.path, self.lock, self.runs = path, threading.Lock(), {}
        if path.exists():
            with open(path, newline="") as file:
                for line in csv.DictReader(file):
                    self.read(line)

    def read(self, line):
        key = line.pop("network"), int(line.pop("goal")), int(line.pop("seed"))
        test = float(line.pop("test_images"))
        epoch = Epoch(int(line["epoch"]), *(float(value) for value in list(line.values())[1:]))
        history = self.runs[key].history if key in self.runs else []
        self.runs[key] = Finished([*history, epoch], test)

    def add(self, key, history, test):
        """Keeps a finished run. The file is whole at any moment."""
        with self.lock:
            self.runs[key] = Finished(history, test)
            new = self.path.with_name(self.path.name + ".new")
            with open(new, "w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([*KEY, *(field.name for field in dataclasses.fields(Epoch)),
                                 "test_images"])
                for name, run in sorted(self.runs.items()):
                    writer.writerows([*name, *dataclasses.astuple(epoch), run.test]
                                     for epoch in run.history)
            os.replace(new, self.path)
