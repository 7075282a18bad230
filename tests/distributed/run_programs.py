"""The example programs under mpirun: any number of ranks that shares the same shards ends in the same
bytes, also a run that was stopped on four and goes on on one or two; what cannot go on says so in one
line and ends everywhere.

usage: run_programs.py MPIRUN"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from mpi import mpirun
from programs.program import EXAMPLES, result, resume_state, run, write_mnist

LAUNCHER = sys.argv[1]
NETWORKS = {"cifar10_cnn_rnn": ["--rnn", "lstm", "--dropout", 0.1, "--augment"], "cifar10_resnet20": []}

STOPPED_EPOCHS = {"cifar10_cnn_rnn": 16, "cifar10_resnet20": 6}


def options(program, data, out, *more, epochs=2):
    return ["train", "--data", data, *NETWORKS[program], "--epochs", epochs, "--batch", 16, "--shards", 4,
            "--seed", 3, "--threads", 1, "--checkpoint-every", 1, "--out", out, *more]


def command(ranks, program, *arguments):
    return [*mpirun(LAUNCHER, ranks), str(EXAMPLES / program), *map(str, arguments)]


def run_on(ranks, program, *arguments, code=0):
    """Runs a program on so many ranks, and returns what it printed and its errors."""
    done = subprocess.run(command(ranks, program, *arguments), text=True, capture_output=True, timeout=100,
                          check=False)
    assert done.returncode == code, (ranks, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def outcome(out):
    return *result(out), resume_state(out)


def check_ranks(program, data, folder):
    """The same bytes on 1, 2 and 4 ranks, and without mpirun."""
    run(program, *options(program, data, folder / "alone"))
    expected = outcome(folder / "alone")
    for ranks in (1, 2, 4):
        text, _ = run_on(ranks, program, *options(program, data, folder / str(ranks)))
        assert outcome(folder / str(ranks)) == expected, f"{program}: {ranks} ranks differ"
        assert text.count("history: ") == 1, text


def check_bfloat16(data, folder):
    """The same bytes on 1 and 4 ranks in bfloat16 too, and when it stopped and goes on on others."""
    program, more = "cifar10_cnn_rnn", ("--precision", "bfloat16")
    run(program, *options(program, data, folder / "alone", *more))
    expected = outcome(folder / "alone")
    run_on(4, program, *options(program, data, folder / "4", *more))
    assert outcome(folder / "4") == expected, "bfloat16: 4 ranks differ"
    run_on(2, program, *options(program, data, folder / "parts", *more, epochs=1))
    run_on(4, program, "train", "--resume", "--threads", 1, "--epochs", 2, "--out", folder / "parts")
    assert outcome(folder / "parts") == expected, "bfloat16: the run that went on on 4 ranks differs"


def check_stop(program, data, folder):
    """Ctrl-C on mpirun stops all at the same batch and saves; the run goes on on fewer ranks. It is so long
    that it does not end before Open MPI has passed the signal on, a second later."""
    epochs = STOPPED_EPOCHS[program]
    run(program, *options(program, data, folder / "longer", epochs=epochs))
    expected = outcome(folder / "longer")
    out = folder / "stopped"
    process = subprocess.Popen(command(4, program, *options(program, data, out, epochs=epochs)), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (out / "resume.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "--resume" in text, (process.returncode, text, errors)
    for ranks in (1, 2):
        copy = folder / f"resumed on {ranks}"
        shutil.copytree(out, copy)
        run_on(ranks, program, "train", "--resume", "--threads", 1, "--out", copy)
        assert outcome(copy) == expected, f"{program}: the run that went on on {ranks} ranks differs"


def check_refusals(data, other, folder):
    """Each is one line, however many ranks there are."""
    program = "cifar10_cnn_rnn"

    def refused(ranks, code, *arguments):
        _, errors = run_on(ranks, program, *arguments, code=code)
        lines = [line for line in errors.splitlines() if line.startswith(program)]
        assert len(lines) == 1, errors
        return lines[0]

    line = refused(3, 2, "train", "--data", data, "--shards", 4, "--out", folder / "three")
    assert "expected 1, 2, 4, 8, ... processes, got 3" in line, line
    line = refused(4, 2, "train", "--data", data, "--shards", 2, "--out", folder / "two")
    assert "at least one for each of 4 processes, got 2" in line, line
    line = refused(2, 2, "train", "--data", data, "--batch", 15, "--out", folder / "odd")
    assert "expected a batch that 2 shards divide, got 15" in line, line
    line = refused(2, 1, "train", "--data", folder / "nothing", "--out", folder / "none")
    assert "nothing" in line, line
    line = refused(4, 1, *options(program, data, folder / "diverged", "--lr", 1e30))
    assert "expected a finite loss" in line and "layer" in line, line
    assert "expected a finite loss" in (folder / "diverged" / "diverged.txt").read_text()

    # Started by an mpirun that the program's MPI, or a program without MPI, does not know.
    alone = subprocess.run([str(EXAMPLES / program), "train", "--data", data, "--out", folder / "many"], text=True,
                           capture_output=True, env={**os.environ, "PMI_SIZE": "2"}, check=False)
    assert alone.returncode == 2 and "got 2 processes that do not know each other" in alone.stderr, alone

    def differing(*arguments):
        """Two ranks with options of their own: the last ones are those of rank 1."""
        first = command(1, program, "train", "--data", data, "--out", folder / "differing")
        second = ["-n", "1", str(EXAMPLES / program), "train", "--out", str(folder / "differing"),
                  *map(str, arguments)]
        done = subprocess.run([*first, ":", *second], text=True, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 2, (done.stdout, done.stderr)
        return done.stderr

    errors = differing("--data", data, "--batch", 8)
    assert "expected the same options on all ranks, got batch: 128 on rank 0, 8 on rank 1" in errors, errors
    errors = differing("--data", other)
    assert "expected the same data on all ranks, got 192 images" in errors, errors
    assert not (folder / "differing").exists()


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    mnist = write_mnist(root / "mnist", train=192)
    for network in NETWORKS:
        place = root / network
        place.mkdir()
        check_ranks(network, mnist, place)
        check_stop(network, mnist, place)
    check_bfloat16(mnist, root / "bfloat16")
    check_refusals(mnist, write_mnist(root / "other", train=80), root)
print("runs on 1, 2 and 4 ranks end in the same bytes, and what is wrong is said in one line")
