"""recurrence.py trains what is not on record, keeps what is, and tests designs against each other."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

from made_up_runs import HEADER
from program import EXAMPLES, write_mnist

RECURRENCE = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "examples" / "recurrence.py"
COLUMNS = f"network,goal,seed,{HEADER},test_images"


def recurrence(folder, *arguments, code=0):
    command = [sys.executable, RECURRENCE, "--build", EXAMPLES.parent, "--out", folder / "runs",
               "--results", folder, *map(str, arguments)]
    ended = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert ended.returncode == code, ended
    return ended.stdout


def check_training(folder, data):
    trial = ("--parts", "resnet20", "--seeds", 0, "--epochs", 6, "--limit", 16)
    text = recurrence(folder, "--data", data, "--jobs", 2, *trial)
    assert "0 of 6 runs are done" in text and text.count("$ ") == 6, text
    record = (folder / "recurrence.csv").read_text().splitlines()
    assert record[0] == COLUMNS and len(record) == 1 + 6 * 6, record
    held_out, test = (float(record[1].split(",")[field]) for field in (7, 10))
    assert 0 <= held_out <= 1 and 0 <= test <= 1 and record[1].startswith("resnet20+gru+readout-"), record
    (folder / "runs").rename(folder / "lost")
    text = recurrence(folder, "--data", data, *trial)
    assert "6 of 6 runs are done" in text and "$ " not in text, "runs on record were made again"
    assert "recurrence.csv" in (folder / "recurrence.md").read_text()
    assert recurrence(folder, "--status", *trial).count(": done") == 6


def check_report(folder):
    """Differences of 2, 1 and 3 points: t is 3.46 with two degrees of freedom."""
    accuracies = {"": (0.80, 0.81, 0.82), "+irnn+sweep": (0.82, 0.82, 0.85),
                  "-control": (0.81, 0.81)}
    lines = [COLUMNS]
    for design, reached in accuracies.items():
        rnn = design if "+" in design else ""
        control = "-control=convolution" if "control" in design else ""
        for seed, accuracy in enumerate(reached):
            name = f"vgg9{rnn}-recipe=modern{control}-holdout=5000,30,{seed}"
            lines += [f"{name},1,1.5,0.5,1.25,0.4,20,50,0.7", f"{name},2,1.5,0.9,1.25,{accuracy},10,50,0.7"]
    (folder / "recurrence.csv").write_text("\n".join(lines) + "\n")
    recurrence(folder, "--report-only")
    report = (folder / "recurrence.md").read_text()
    for line in ("## VGGNet-9, modern recipe",
                 "| VGGNet-9 | 2 | 3 | 0.8100 ± 0.0100 | 0.7000 ± 0.0000 |  |  | -0.50 | 0.500 | 0:20 |",
                 "| VGGNet-9, control convolution | 2 | 2 | 0.8100 ± 0.0000 | 0.7000 ± 0.0000 | +0.50 | 0.500 "
                 "|  |  | 0:20 |",
                 "| VGGNet-9 + IRNN sweep | 2 | 3 | 0.8300 ± 0.0173 | 0.7000 ± 0.0000 | +2.00 | 0.074 "
                 "| +1.00 | 0.000 | 0:20 |"):
        assert line in report.splitlines(), (line, report)


def check_wrong_use(folder):
    assert "invalid choice: 'alexnet'" in recurrence(folder, "--parts", "alexnet", code=2)
    assert "expected 1 or more, got 0" in recurrence(folder, "--jobs", 0, code=2)


if not importlib.util.find_spec("scipy"):
    print("skipped: no Python with scipy (Debian: python3-scipy)")
    sys.exit(77)

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for part in ("trained", "made_up"):
        (folder / part).mkdir()
    check_training(folder / "trained", write_mnist(folder / "mnist"))
    check_report(folder / "made_up")
    check_wrong_use(folder / "made_up")
print("recurrence.py trains, keeps and reports")
