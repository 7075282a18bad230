"""table1.py trains its grid to the same end however it was stopped, goes on behind a run that
diverged, and reports what the histories say."""
import csv
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from made_up_runs import HEADER, write_history, write_run
from program import EXAMPLES, choices, result, write_mnist

TABLE1 = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "examples" / "table1.py"


def start(out, *arguments):
    command = [sys.executable, TABLE1, "--build", EXAMPLES.parent, "--out", out,
               *map(str, arguments)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def end(process):
    text, _ = process.communicate(timeout=600)
    return process.returncode, text


def table1(out, *arguments, code=0):
    ended, text = end(start(out, *arguments))
    assert ended == code, (ended, text)
    return text


def outcome(out):
    """What all runs have computed, and the lines of the report but for times."""
    runs = {path.parent.name: result(path.parent) for path in out.glob("*/history.csv")}
    report = [re.sub(r"\| \d+:\d\d \|", "|", line) for line in
              (out / "table1.md").read_text().splitlines()]
    return runs, report


def interrupt(process, out, which):
    """Sends a signal to a batch whose second run has saved something."""
    while len(list(out.glob("*/resume.safetensors"))) < 2 and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(which)
    return end(process)


def check_stopping(folder, data):
    grid = ("--data", data, "--models", "resnet20", "--rnns", "none", "lstm", "--seeds", 0, 1,
            "--limit", 16, "--batch", 8, "--epochs", 3, "--no-until-paper")
    table1(folder / "whole", *grid)
    expected = outcome(folder / "whole")
    assert len(expected[0]) == 4 and "resnet20+lstm-limit=16-batch=8-seed1" in expected[0], expected[0]

    code, text = interrupt(start(folder / "stopped", *grid), folder / "stopped", signal.SIGINT)
    assert code == 130 and "not begun" in text, (code, text)
    text = table1(folder / "stopped", *grid)
    assert "resumed:" in text and text.count("$ ") < 4, text
    assert outcome(folder / "stopped") == expected, "the batch that was stopped differs"

    code, text = interrupt(start(folder / "beside", *grid, "--jobs", 2), folder / "beside", signal.SIGINT)
    assert code == 130 and "[1/4] epoch 1/3" in text, (code, text)
    table1(folder / "beside", *grid, "--jobs", 3)
    assert outcome(folder / "beside") == expected, "runs side by side differ"

    code, _ = interrupt(start(folder / "killed", *grid), folder / "killed", signal.SIGKILL)
    assert code == -signal.SIGKILL, code
    table1(folder / "killed", *grid)
    assert outcome(folder / "killed") == expected, "the batch that was killed differs"
    text = table1(folder / "killed", *grid)
    assert "$ " not in text, "a run was made again"
    assert table1(folder / "killed", "--status", *grid).count("done") == 4


def check_grid(folder):
    text = table1(folder / "grid", "--status", "--models", "cnn", "--rnns", "none", "lstm", "gru",
                  "convlstm", "--peepholes", "none", "previous", "--wavelets", "haar")
    runs = re.findall("CNN.*(?=, seed 0)", text)
    assert runs == ["CNN", "CNN + LSTM, peepholes none, wavelet haar", "CNN + GRU, wavelet haar",
                    "CNN + ConvLSTM, peepholes none, wavelet haar",
                    "CNN + ConvLSTM, peepholes previous, wavelet haar"], text


def check_joins_and_recipes(folder):
    text = table1(folder / "joins", "--status", "--models", "cnn", "--rnns", "none", "gru", "--joins",
                  "tap", "sweep", "--after", "default", "1", "--wavelets", "haar", "--recipe", "modern",
                  "--controls", "none", "convolution",
                  "--lr", "0.002", "--no-augment", "--weight-decay", "0.05")
    recipe = "recipe modern, "
    changes = "lr 0.002, no-augment"
    assert re.findall("CNN.*(?=, seed 0)", text) == [
        f"CNN, {recipe}{changes}", f"CNN, {recipe}control convolution, {changes}",
        f"CNN + GRU, {recipe}wavelet haar, {changes}",
        f"CNN + GRU, {recipe}after 1, wavelet haar, {changes}", f"CNN + GRU sweep, {recipe}{changes}",
        f"CNN + GRU sweep, {recipe}after 1, {changes}"], text


def check_until_paper(folder, data):
    out = folder / "paper"
    table1(out, "--data", data, "--models", "cnn", "--rnns", "none", "--limit", 48,
           "--batch", 8)
    with open(out / "table1.csv", newline="") as file:
        accuracies = [float(row["train_accuracy"]) for row in csv.DictReader(file)]
    assert max(accuracies[:-1], default=0) < 0.932 <= accuracies[-1], accuracies
    assert "| images | images in MNIST's format |" in (out / "table1.md").read_text()


def check_divergence(folder, data):
    out = folder / "diverged"
    grid = ("--data", data, "--models", "cnn", "--rnns", "none", "lstm", "--limit", 16, "--batch", 8,
            "--epochs", 1, "--lr", "1e30", "--clip-norm", 1, "--seeds", 0)
    text = table1(out, *grid, code=1)
    assert len(re.findall(r"\$ .*", text)) == 2 and "2 of 2 runs diverged" in text, text
    report = (out / "table1.md").read_text()
    for row in ("CNN", "CNN + LSTM"):
        assert f"- {row}, limit 16, batch 8, lr 1e+30, clip-norm 1, seed 0: diverged (train: " in (
            report), report
    assert "$ " not in table1(out, *grid, code=1), "a run that diverged was made again"
    check_retry(out, grid)


def check_retry(out, grid):
    """Runs that diverged begin anew when asked for, and count like others when they end well."""
    well = (*grid, "--lr", 1e-3)
    table1(out, *well)
    folder = out / "cnn-limit=16-batch=8-clip-norm=1-seed0"
    whole = result(folder)
    (folder / "diverged.txt").write_text("train: expected a finite loss, got nan\n")
    (folder / "history.csv").write_text(HEADER + "\n")
    (folder / "resume.safetensors").write_text("of a loss that was not finite")
    assert "1 of 2 runs diverged" in table1(out, *well, code=1)
    assert table1(out, *well, "--retry-diverged").count("$ ") == 1
    assert result(folder) == whole, "a run that was begun anew differs"
    assert table1(out, *grid, "--retry-diverged", code=1).count("$ ") == 2


def check_report(folder):
    runs, results = folder / "made_up", folder / "results"
    runs.mkdir()
    write_run(runs, [(0.5, 0.5), (0.925, 0.75)], seed=0)
    write_run(runs, [(0.5, 0.5), (0.6, 0.6), (0.935, 0.77)], seed=1)
    write_run(runs, [(0.95, 0.7)], rnn="irnn", clip_norm=5.0)
    write_run(runs, [(0.95, 0.65)], rnn="irnn", taps="2")
    write_run(runs, [(0.2, 0.25)] * 40, program="cifar10_vgg9", stop_at_train_accuracy=0.9)
    write_run(runs, [(0.2, 0.25)] * 3, program="cifar10_resnet20")
    write_run(runs, [(0.9, 0.61)], holdout=5000)
    write_run(runs, [(0.9, 0.63)], holdout=5000, control="dense")
    write_run(runs, [(0.9, 0.8)], rnn="gru", join="sweep", recipe="modern", optimizer="adamw",
              learning_rate=0.003, weight_decay=0.05, rnn_l2=0.0, schedule="one-cycle",
              label_smoothing=0.1, augment=True, holdout=5000)
    write_run(runs, [(0.5, 0.5)], rnn="convlstm", seed=7, diverged="train: expected a finite loss")
    text = table1(runs, "--report-only", "--results", results)
    report = (results / "table1.md").read_text()
    for line in (
            "| CNN | 2 | 0.9300 ± 0.0071 | 0.932 | 0.7600 ± 0.0141 | 0.772 | -0.0120 |  "
            "| 2.5 ± 0.7 | 0:25 |",
            "| CNN + IRNN, clip-norm 5 | 1 | 0.9500 | 0.891 | 0.7000 | 0.800 | -0.1000 | -0.0600 "
            "| 1 | 0:10 |",
            "| CNN + IRNN, taps 2 | 1 | 0.9500 | 0.891 | 0.6500 | 0.800 | -0.1500 | -0.1100 "
            "| 1 | 0:10 |",
            "| VGGNet-9 | 1 | 0.2000 | 0.943 | 0.2500 | 0.769 | -0.5190 |  "
            "| 40 (1 below the goal) | 6:40 |",
            "python3 examples/table1.py --models cnn --rnns irnn --clip-norm 5 --seeds 0",
            "python3 examples/table1.py --models cnn --rnns none --seeds 0 1",
            "python3 examples/table1.py --models cnn --rnns none --holdout 5000 --seeds 0",
            "python3 examples/table1.py --models cnn --rnns gru --joins sweep --recipe modern "
            "--holdout 5000 --seeds 0",
            "| CNN, control dense, holdout 5000 | 1 | 0.9000 | 0.932 | 0.6300 | 0.772 | -0.1420 | +0.0200 "
            "| 1 | 0:10 |",
            "python3 examples/table1.py --models cnn --rnns none --controls dense --holdout 5000 --seeds 0",
            "- ResNet-20, seed 0: not done, 3 epochs so far",
            "- CNN + ConvLSTM, seed 7: diverged (train: expected a finite loss)"):
        assert line in report.splitlines(), (line, report)
    held_out = report[report.index("## On held-out training images"):]
    assert "| CNN, holdout 5000 | 1 |" in held_out, report
    assert len((results / "table1.csv").read_text().splitlines()) == 1 + 2 + 3 + 1 + 1 + 40 + 3 + 1 + 1 + 1 + 1
    check_figures(results, report, text)
    check_peer(folder, runs)


def check_peer(folder, runs):
    """Runs of PyTorch's beside those of `runs` with the same name."""
    peer = folder / "peer"
    for seed, accuracies in enumerate(([(1.2, 1.25), (0.2, 0.25), (0.3, 0.35), (0.95, 0.75)],
                                       [(0.2, 0.25), (1.2, 1.25), (0.2, 0.15), (0.95, 0.65)])):
        write_history(peer / f"vgg9-seed{seed}", accuracies)
    write_history(peer / "vgg9-seed2", [(0.5, 0.5)])       # not at its goal
    write_history(peer / "vgg9-seed3", [])
    write_history(peer / "vgg9-seed4-old", [(0.95, 0.75)])
    write_history(peer / "cnn-seed0", [(0.95, 0.75)])      # too short for differences by epoch
    write_history(peer / "cnn+gru-seed0", [(0.95, 0.75)])  # none of ours
    table1(runs, "--report-only", "--peer", peer)
    section = (runs / "table1.md").read_text().partition("## The same in PyTorch")[2]
    line = ("| VGGNet-9 | 2 | 0.9500 ± 0.0000 | 0.7000 ± 0.0707 | 4.0 ± 0.0 | -0.4500 | 0.7500 "
            "| 0.4500 |")
    assert line in section.splitlines() and "GRU" not in section.partition("##")[0], section
    assert "| CNN | 1 | 0.9500 | 0.7500 | 1.0 | +0.0100 |  |  |" in section.splitlines(), section
    (folder / "nothing").mkdir()
    table1(runs, "--report-only", "--peer", folder / "nothing")
    assert "no finished PyTorch run" in (runs / "table1.md").read_text()
    assert "found no" in table1(runs, "--report-only", "--peer", folder / "nowhere", code=2)


def check_figures(results, report, text):
    try:
        import matplotlib.image
    except ImportError:
        assert "no figures" in text, text
        return
    for name in ("figure4.png", "figure5.png"):
        assert f"]({name})" in report, report
        assert matplotlib.image.imread(results / name).std() > 0, name


def check_wrong_use(folder):
    known = choices("cifar10_vgg9", "--rnn")
    text = table1(folder / "no", "--models", "vgg9", "--rnns", "gruu", code=2)
    assert f"expected one of {', '.join(known)}, got gruu" in text, text
    assert "got 41" in table1(folder / "no", "--epochs", 41, code=2)
    text = table1(folder / "no", "--data", folder / "nowhere", "--models", "cnn", "--rnns", "none",
                  code=1)
    assert "CNN, seed 0 ended with exit code 1" in text, text
    text = table1(folder / "no", "--build", folder, code=1)
    assert "build it first" in text, text


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist")
    check_stopping(folder, mnist)
    check_grid(folder)
    check_joins_and_recipes(folder)
    check_until_paper(folder, mnist)
    check_divergence(folder, mnist)
    check_report(folder)
    check_wrong_use(folder)
print("table1.py repeats, resumes and reports")
