"""The CNN-RNN program on Windows, or under Wine, ends in the bytes of the same program on Linux: a run
that is stopped by Ctrl-C, resumed, evaluated and applied. Names of folders have spaces, characters of
several scripts, and more than 260 characters."""
import argparse
import pathlib
import signal
import subprocess
import tempfile
import time

from programs.program import result, resume_state, write_mnist

# The paper's recipe, and what is furthest from it.
RUNS = (("--rnn", "lstm", "--wavelet", "haar", "--schedule", "cosine"),
        ("--rnn", "gru", "--join", "sweep", "--recipe", "modern", "--dropout", 0.2, "--precision", "bfloat16"))
EPOCHS = 2


def run(command, *arguments):
    ended = subprocess.run([*command, *map(str, arguments)], text=True, encoding="utf-8", timeout=600,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert ended.returncode == 0, (arguments, ended.returncode, ended.stdout)
    return ended.stdout


def train(data, out, options):
    return ["train", "--data", data, "--out", out, "--epochs", EPOCHS, "--batch", 16, "--seed", 3, "--augment",
            "--checkpoint-every", 1, "--threads", 2, *options]


def stop(command, *arguments):
    """Starts a run and presses Ctrl-C once it has saved something."""
    out = arguments[arguments.index("--out") + 1]
    process = subprocess.Popen([*command, *map(str, arguments)], text=True, encoding="utf-8",
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not (out / "resume.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=600)[0]
    assert process.returncode == 130 and "--resume" in text, (process.returncode, text)


def apply(command, out, other, data):
    """What evaluation and prediction say of the model of another run, but for the names of files."""
    checkpoint = other / "checkpoint.safetensors"
    evaluation = run(command, "evaluate", "--data", data, "--checkpoint", checkpoint, "--out", out, "--samples", 5)
    prediction = run(command, "predict", "--checkpoint", checkpoint, *sorted(out.glob("samples/*.png")))
    words = ("test loss", "test accuracy", *(f"{number}.png" for number in range(5)))
    lines = [line.replace(str(out), "") for line in (evaluation + prediction).splitlines()]
    found = [line for line in lines if any(word in line for word in words)]
    assert len(found) == len(words), (evaluation, prediction)
    return [*found, (out / "samples.csv").read_bytes()]


def compare(linux, windows, folder, data, options):
    whole = folder / "whole"
    parts = folder / "Gr\u00fc\u00dfe \u6f22\u5b57 of a run" / ("a" * 120) / ("b" * 120)
    run(linux, *train(data, whole, options))
    stop(windows, *train(data, parts, options))
    run(windows, "train", "--resume", "--out", parts)
    ours, theirs = resume_state(whole), resume_state(parts)
    differing = [name for name in ours if ours[name] != theirs.get(name)]
    assert not differing and len(ours) == len(theirs), differing
    assert result(whole) == result(parts), "the model or the history differs"

    said = [apply(linux, whole, parts, data), apply(windows, parts, whole, data)]
    assert said[0] == said[1], said


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--linux", nargs="+", required=True)
    parser.add_argument("--windows", nargs="+", required=True)
    args = parser.parse_args()
    for number, options in enumerate(RUNS):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            data = write_mnist(folder / "data set \u00fc")
            compare(args.linux, args.windows, folder, data, options)
        print("same bytes:", *options)


if __name__ == "__main__":
    main()
