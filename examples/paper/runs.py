"""Reads what training runs left in their folders."""
import csv
import dataclasses
import json
import pathlib

from paper.grid import NETWORKS, Row


@dataclasses.dataclass(frozen=True)
class Epoch:
    """A line of history.csv."""
    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float
    images_per_second: float


@dataclasses.dataclass(frozen=True)
class Goal:
    """When a run is done: after a number of epochs, or at an accuracy on the training images (0: at
    none)."""
    epochs: int
    train_accuracy: float

    def reached(self, history):
        return bool(history) and (len(history) >= self.epochs or self.accurate(history))

    def accurate(self, history):
        return 0 < self.train_accuracy <= history[-1].train_accuracy

    def arguments(self):
        """The arguments of `train`."""
        return ["--epochs", str(self.epochs), "--stop-at-train-accuracy", str(self.train_accuracy)]

    def __str__(self):
        most = f"{self.epochs} epochs"
        return most if not self.train_accuracy else (
            f"a training accuracy of {self.train_accuracy} or {most}")


@dataclasses.dataclass(frozen=True)
class Run:
    folder: pathlib.Path
    row: Row
    seed: int

    @staticmethod
    def at(out, row, seed):
        return Run(out / f"{row.name()}-seed{seed}", row, seed)

    @property
    def title(self):
        return f"{self.row.title}, seed {self.seed}"

    def history(self):
        path = self.folder / "history.csv"
        if not path.exists():
            return []
        with open(path, newline="") as file:
            return [Epoch(int(line["epoch"]), *(float(value) for value in list(line.values())[1:]))
                    for line in csv.DictReader(file)]

    def goal(self):
        """The goal the run was last started with."""
        config = read_json(self.folder / "config.json")
        return Goal(config["epochs"], config["stop_at_train_accuracy"])

    def diverged(self):
        """Where a loss was not finite; empty if all were finite."""
        path = self.folder / "diverged.txt"
        return path.read_text().strip() if path.exists() else ""

    def can_resume(self):
        return (self.folder / "resume.safetensors").exists()

    def state(self, goal):
        history = self.history()
        if self.diverged():
            return "diverged"
        if goal.reached(history):
            return "done"
        return "begun" if history or self.can_resume() else "not begun"

    def circumstances(self):
        """Where the run was made, and with which images."""
        machine, model = self.folder / "machine.json", self.folder / "checkpoint.safetensors"
        return {**(read_json(machine) if machine.exists() else {}),
                **({"images": read_card(model)["data_name"]} if model.exists() else {})}


def read_json(path):
    return json.loads(path.read_text())


def read_card(path):
    """The description in a model file: JSON in the metadata of the safetensors header."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"]["cnnrnn"])


def find_runs(out):
    """All runs below a folder, however they were started."""
    known = {network.program for network in NETWORKS.values()}
    for path in sorted(out.glob("**/config.json")):
        config = read_json(path)
        if config.get("program") in known:
            yield Run(path.parent, Row.of(config), config["seed"])
