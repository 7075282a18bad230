"""What the tests of the example programs share: running one, and a small data set to run it on."""
import csv
import json
import os
import pathlib
import random
import re
import struct
import subprocess

EXAMPLES = pathlib.Path(os.environ["CNNRNN_EXAMPLES_DIR"])
PROGRAMS = ("cifar10_cnn_rnn", "cifar10_vgg9", "cifar10_resnet20")


def run(program, *arguments, code=0, **options):
    """Runs an example program and returns what it printed; its exit code must be `code`."""
    command = [str(EXAMPLES / program), *map(str, arguments)]
    result = subprocess.run(command, text=True, capture_output=True, timeout=600, **options)
    assert result.returncode == code, (command, result.returncode, result.stdout, result.stderr)
    return result.stdout + result.stderr


def choices(program, option):
    """What an option of `train` may be, as its help has it."""
    found = re.search(rf"{option} TEXT:{{(.*?)}}", run(program, "train", "--help"))
    return found.group(1).split(",")


def history(folder):
    """The lines of a run's history, as dictionaries."""
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def result(folder):
    """What a run has computed: the model's bytes, and the history but for its times."""
    rows = [list(row.values())[:5] for row in history(folder)]
    return (folder / "checkpoint.safetensors").read_bytes(), rows


def read_safetensors(path):
    """The tensors of a file, by name: type, shape and bytes."""
    content = path.read_bytes()
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:header_end])
    header.pop("__metadata__", None)
    values = memoryview(content)[header_end:]
    return {name: (entry["dtype"], entry["shape"], bytes(values[slice(*entry["data_offsets"])]))
            for name, entry in header.items()}


def resume_state(folder):
    """What a run goes on from, but for its times: tensors by name."""
    tensors = read_safetensors(folder / "resume.safetensors")
    values = struct.iter_unpack("<7d", tensors.pop("run/history")[2])
    loss_sum, _seconds = struct.unpack("<2d", tensors.pop("run/sums")[2])
    return {**tensors, "run/history": [struct.pack("<5d", *row[:5]) for row in values],
            "run/sums": loss_sum}


def write_mnist(folder, train=96, test=24, by_class=False):
    """A data set in MNIST's format: a bright square, whose place tells the class, on noise. The classes take
    turns or come one after the other."""
    noise = random.Random(1)
    folder = pathlib.Path(folder)
    folder.mkdir()
    for part, count in (("train", train), ("t10k", test)):
        images, labels = bytearray(), bytearray()
        for n in range(count):
            label = n * 10 // count if by_class else n % 10
            image = [[noise.randrange(60) for _ in range(28)] for _ in range(28)]
            top, left = 2 + 14 * (label % 2), 1 + 5 * (label // 2)
            for row in range(top, top + 8):
                image[row][left:left + 5] = [250] * 5
            images += bytes(value for row in image for value in row)
            labels.append(label)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 0x803, count, 28, 28) + images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + labels)
    return folder
