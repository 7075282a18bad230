"""A run that is killed at a random moment, also while it writes a checkpoint, and goes on in a new
process ends in the same model, optimizer and history as one that ran through: twenty times."""
import pathlib
import random
import signal
import subprocess
import tempfile
import time

from program import EXAMPLES, result, resume_state, run, write_mnist

PROGRAM = "cifar10_resnet20"
REPETITIONS = 20
CHECKPOINTS = 4  # of a run: after every second batch, and after each of two epochs


def options(data, out, threads=2):
    return ["train", "--data", data, "--rnn", "lstm", "--epochs", 2, "--batch", 4, "--limit", 16,
            "--seed", 3, "--augment", "--checkpoint-every", 2, "--threads", threads, "--out", out]


def at_time(seconds):
    """A moment of the run, in seconds from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def in_writing(out, file, checkpoint):
    """The moment when a checkpoint, counted from 0, has begun to write one of its files."""
    saved = set()  # the times of the checkpoints before it

    def now():
        resume = out / "resume.safetensors"
        saved.update([resume.stat().st_mtime_ns] if resume.exists() else [])
        return len(saved) >= checkpoint and any(out.glob(file + ".tmp.*"))
    return now


def kill(data, out, now, delay):
    """Starts a run and kills it a little after a moment; whether it was still running."""
    command = [str(EXAMPLES / PROGRAM), *map(str, options(data, out))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    while process.poll() is None and not now():
        time.sleep(0.0002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    return process.wait(timeout=600) == -signal.SIGKILL


def outcome(out):
    return *result(out), resume_state(out)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist", train=16, test=16)
    begin = time.monotonic()
    run(PROGRAM, *options(mnist, folder / "whole"))
    duration = time.monotonic() - begin
    expected = outcome(folder / "whole")
    assert len(expected[1]) == 2 and len(expected[2]) > 100, expected[1]

    chance = random.Random(7)
    killed = half_written = resumed = 0
    for repetition in range(REPETITIONS):
        out = folder / str(repetition)
        if repetition % 2 == 0:
            now, delay = at_time(chance.uniform(0, duration)), 0
        else:
            file = chance.choice(["checkpoint.safetensors", "resume.safetensors"])
            now = in_writing(out, file, chance.randrange(CHECKPOINTS))
            delay = chance.uniform(0, 0.002)
        killed += kill(mnist, out, now, delay)
        half_written += any(out.glob("*.tmp.*"))
        go_on = ["--resume"] if (out / "resume.safetensors").exists() else []
        resumed += len(go_on)
        run(PROGRAM, *options(mnist, out, threads=1 + repetition % 3), *go_on)
        assert outcome(out) == expected, f"run {repetition}, killed and resumed, differs"
    assert killed >= REPETITIONS / 2 and half_written > 0 and resumed > 0, (
        killed, half_written, resumed)
print(f"{killed} runs killed, {half_written} of them while writing; {resumed} resumed: same bytes")
