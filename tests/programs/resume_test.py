"""A run that was stopped, or killed, and resumed ends in the same bytes as one that ran through; so
does one on another number of threads. A checkpoint that cannot be written leaves the old one."""
import pathlib
import resource
import signal
import subprocess
import tempfile
import time

from program import EXAMPLES, result, run, write_mnist

PROGRAM = "cifar10_cnn_rnn"


def options(data, out, threads=2):
    return ["train", "--data", data, "--rnn", "lstm", "--epochs", 2, "--batch", 16, "--seed", 3,
            "--augment", "--checkpoint-every", 1, "--threads", threads, "--out", out]


def interrupt(data, out, which):
    """Starts a run and sends it a signal once it has saved something."""
    command = [str(EXAMPLES / PROGRAM), *map(str, options(data, out))]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not (out / "resume.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(which)
    return process.communicate(timeout=600)[0], process.returncode


def check_full_disk(data, out):
    """A file may not grow beyond 16 MiB: less than what a run goes on from needs."""
    before = (out / "resume.safetensors").read_bytes()
    files = sorted(path.name for path in out.iterdir())

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))

    text = run(PROGRAM, "train", "--resume", "--epochs", 3, "--out", out, code=1, preexec_fn=limit)
    assert "resume.safetensors: cannot write: File too large" in text, text
    assert (out / "resume.safetensors").read_bytes() == before
    assert sorted(path.name for path in out.iterdir()) == files
    run(PROGRAM, "train", "--resume", "--epochs", 3, "--out", out)  # it is still good


def check_extended_run(out):
    """A run that was given more epochs remembers them."""
    run(PROGRAM, "train", "--resume", "--epochs", 3, "--out", out)
    text = run(PROGRAM, "train", "--resume", "--out", out)
    assert "nothing to do: 3 of 3 epochs" in text, text


def check_refusals(data, folder):
    """Each is one line that names what differs, then and now, and says what to do."""
    def refused(code, *arguments):
        lines = run(PROGRAM, "train", "--resume", *arguments, code=code).splitlines()
        assert sum(line.startswith(PROGRAM) for line in lines) == 1, lines
        assert "{" not in lines[-1], lines
        return lines[-1]

    out = folder / "cosine"
    run(PROGRAM, "train", "--data", data, "--schedule", "cosine", "--epochs", 1, "--out", out)
    line = refused(2, "--epochs", 3, "--batch", 8, "--rnn", "gru", "--out", out)
    for words in ("epochs: 1 then, 3 now (the schedule cosine was made for them)",
                  "batch: 128 then, 8 now", "rnn: none then, gru now", "another --out"):
        assert words in line, line
    other = write_mnist(folder / "other", train=80)
    line = refused(1, "--data", other, "--out", out)
    assert '"images": 96 then, 80 now' in line and '"mean": ' in line and "--overwrite" in line, line
    line = refused(1, "--out", folder / "nothing")
    assert "config.json" in line and "without --resume" in line, line


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist")
    run(PROGRAM, *options(mnist, folder / "whole"))
    expected = result(folder / "whole")
    assert len(expected[1]) == 2, expected[1]

    for threads in (1, 3, 8):
        out = folder / f"{threads} threads"
        run(PROGRAM, *options(mnist, out, threads=threads))
        assert result(out) == expected, f"{threads} and 2 threads differ"

    text, code = interrupt(mnist, folder / "stopped", signal.SIGINT)
    assert code == 130 and "--resume" in text, (code, text)
    run(PROGRAM, "train", "--resume", "--out", folder / "stopped")
    assert result(folder / "stopped") == expected, "the resumed run differs"

    text, code = interrupt(mnist, folder / "killed", signal.SIGKILL)
    assert code == -signal.SIGKILL, (code, text)
    run(PROGRAM, *options(mnist, folder / "killed"), "--resume")
    assert result(folder / "killed") == expected, "the run that was killed differs"

    check_extended_run(folder / "killed")
    text = run(PROGRAM, "train", "--resume", "--overwrite", "--out", folder / "killed", code=2)
    assert "--overwrite" in text, text
    text = run(PROGRAM, "train", "--resume", "--batch", 8, "--out", folder / "killed", code=2)
    assert "batch: 16 then, 8 now" in text, text
    check_refusals(mnist, folder)
    check_full_disk(mnist, folder / "whole")
print("stopped, killed and resumed runs end in the same bytes")
