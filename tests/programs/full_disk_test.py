"""On a disk without room for a checkpoint a run ends with a clear error, the checkpoint before stays,
and with room again the run goes on to the same bytes. The disk is a small tmpfs of the test's own."""
import os
import pathlib
import subprocess
import sys
import tempfile

from program import resume_state, result, run, write_mnist

PROGRAM = "cifar10_resnet20"
SKIPPED = 77
MIB = 1 << 20
APART = ["unshare", "--user", "--map-root-user", "--mount"]  # mounts that nobody else sees


def mount(folder):
    return ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]


def options(data, out, epochs=1):
    return ["train", "--data", data, "--rnn", "lstm", "--epochs", epochs, "--batch", 4, "--limit", 8,
            "--seed", 3, "--out", out]


def fill(disk, free):
    """Takes all the room of a disk but so many bytes."""
    status = os.statvfs(disk)
    with open(disk / "filler", "wb") as file:
        file.write(bytes(status.f_bavail * status.f_frsize - free))


def check_full(data, out, free, file):
    """A disk with so much room is full when a run of another epoch writes `file`."""
    names = sorted(path.name for path in out.iterdir())
    before = (out / "resume.safetensors").read_bytes()
    fill(out.parent, free)
    text = run(PROGRAM, "train", "--resume", "--epochs", 2, "--out", out, code=1)
    assert f"{file}: cannot write: No space left on device" in text, text
    assert (out / "resume.safetensors").read_bytes() == before
    assert sorted(path.name for path in out.iterdir()) == names
    (out.parent / "filler").unlink()
    run(PROGRAM, "evaluate", "--data", data, "--checkpoint", out / "checkpoint.safetensors")


def check(folder, disk):
    mnist = write_mnist(folder / "mnist", train=16, test=16)
    run(PROGRAM, *options(mnist, disk / "run"))
    check_full(mnist, disk / "run", 0, "config.json")
    check_full(mnist, disk / "run", MIB, "checkpoint.safetensors")
    check_full(mnist, disk / "run", 5 * MIB, "resume.safetensors")  # the model alone has 3 MiB
    run(PROGRAM, "train", "--resume", "--epochs", 2, "--out", disk / "run")
    run(PROGRAM, *options(mnist, folder / "whole", epochs=2))
    assert result(disk / "run") == result(folder / "whole")
    assert resume_state(disk / "run") == resume_state(folder / "whole")


with tempfile.TemporaryDirectory() as name:
    if sys.argv[1:] == ["apart"]:
        folder = pathlib.Path(name)
        (folder / "disk").mkdir()
        subprocess.run(mount(folder / "disk"), check=True)
        try:
            check(folder, folder / "disk")
        finally:
            subprocess.run(["umount", str(folder / "disk")], check=True)
        print("on a full disk the checkpoint before stays")
    elif subprocess.run([*APART, *mount(name)], capture_output=True).returncode != 0:
        print("skipped: this system lets no user mount a tmpfs of his own")
        sys.exit(SKIPPED)
    else:
        sys.exit(subprocess.run([*APART, sys.executable, __file__, "apart"]).returncode)
