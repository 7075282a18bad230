"""A rank of a run that is killed at a random moment: all are gone within ten seconds, the exit code is
not 0, and the run that goes on ends in the bytes of one that nobody disturbed.

usage: kill.py MPIRUN [REPETITIONS]"""
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from mpi import mpirun
from programs.program import EXAMPLES, result, resume_state, write_mnist

LAUNCHER = sys.argv[1]
REPETITIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PROGRAM, RANKS, MOST_SECONDS = "cifar10_resnet20", 4, 10


def command(data, out, *more):
    return [*mpirun(LAUNCHER, RANKS), str(EXAMPLES / PROGRAM), "train", "--data", str(data), "--epochs", "2",
            "--batch", "16", "--seed", "3", "--threads", "1", "--checkpoint-every", "1",
            "--out", str(out), *more]


def ranks_of(out):
    """The process numbers of the ranks of a run."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0] == str(EXAMPLES / PROGRAM).encode() and str(out).encode() in arguments:
            found.append(int(folder.name))
    return found


def outcome(out):
    return *result(out), resume_state(out)


def kill_one(data, out, moment):
    """Starts a run and kills a rank of it; whether it was there to be killed."""
    process = subprocess.Popen(command(data, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(moment)
    ranks = ranks_of(out)
    if not ranks:
        process.wait(timeout=60)
        return False
    subprocess.run(["kill", "-9", str(chance.choice(ranks))], stderr=subprocess.DEVNULL, check=False)
    killed = time.monotonic()
    process.communicate(timeout=60)
    while ranks_of(out):
        time.sleep(0.05)
        assert time.monotonic() - killed < MOST_SECONDS, "ranks are left"
    assert time.monotonic() - killed < MOST_SECONDS, time.monotonic() - killed
    assert process.returncode != 0, "mpirun said that all was well"
    return True


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist", train=64)
    begin = time.monotonic()
    subprocess.run(command(mnist, folder / "whole"), check=True, stdout=subprocess.DEVNULL)
    duration = time.monotonic() - begin
    expected = outcome(folder / "whole")
    chance = random.Random(11)
    killed = resumed = 0
    for repetition in range(REPETITIONS):
        run = folder / str(repetition)
        killed += kill_one(mnist, run, chance.uniform(0.3 * duration, 0.95 * duration))
        go_on = ["--resume"] if (run / "resume.safetensors").exists() else []
        resumed += len(go_on)
        subprocess.run(command(mnist, run, *go_on), check=True, stdout=subprocess.DEVNULL)
        assert outcome(run) == expected, f"run {repetition}, with a rank that was killed, differs"
    assert killed >= REPETITIONS / 2, killed
print(f"{killed} of {REPETITIONS} runs lost a rank, {resumed} resumed: same bytes")
