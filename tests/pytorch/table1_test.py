"""benchmarks/peers/torch_table1.py trains by its recipe, stops at the goal, keeps what is done, and begins
anew what is not."""
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

SOURCE = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"])
PROGRAM = SOURCE / "benchmarks" / "peers" / "torch_table1.py"
HEADER = ["epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds",
          "images_per_second"]
FILES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def write_images(folder, images):
    """CIFAR-10's files with a few images of noise, all of class 3: learnt in an epoch or two."""
    random = numpy.random.default_rng(1)
    for name in FILES:
        rows = random.integers(0, 256, (images, 3073), numpy.uint8)
        rows[:, 0] = 3
        rows.tofile(folder / f"{name}.bin")


def train(folder, *arguments, code=0):
    command = [sys.executable, PROGRAM, "--data", folder, "--out", folder / "out", "--threads", 1,
               *arguments]
    result = subprocess.run([*map(str, command)], text=True, capture_output=True, timeout=300)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result.stdout + result.stderr


def history(folder, name):
    with open(folder / "out" / name / "history.csv", newline="") as file:
        return [*csv.reader(file)]


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write_images(folder, 30)
    grid = ("--models", "cnn", "--rnns", "none", "irnn", "--seeds", 0, 1)
    text = train(folder, *grid)
    for run in ("cnn-seed0", "cnn+irnn-seed0", "cnn-seed1", "cnn+irnn-seed1"):
        header, *lines = history(folder, run)
        accuracies = [float(line[2]) for line in lines]
        assert header == HEADER, header
        assert [int(line[0]) for line in lines] == [*range(1, len(lines) + 1)], lines
        goal = 0.891 if "irnn" in run else 0.932
        assert accuracies[-1] >= goal and max(accuracies[:-1], default=0) < goal, (run, accuracies)
    assert "done before" not in text, text

    first = history(folder, "cnn-seed0")
    path = folder / "out" / "cnn-seed1" / "history.csv"
    path.write_text(",".join(HEADER) + "\n")  # as a run that was stopped leaves it
    text = train(folder, *grid)
    assert text.count("done before") == 3, text
    assert len(history(folder, "cnn-seed1")) > 1 and history(folder, "cnn-seed0") == first
    assert "got 0" in train(folder, "--epochs", 0, code=2)
print("torch_table1.py trains, stops, and goes on")
