"""The speedrun here is the same computation as in PyTorch: its first layer whitens as torch.linalg does, and
from the same weights, on the same batches, every recipe loses the same and ends with the same weights and
statistics. It runs in float. Muon makes directions of all sizes equal, the smallest ones of rounding too, so that
two trainings soon differ: few steps are held."""
import os
import pathlib
import subprocess
import sys
import tempfile

import torch

from safetensors_file import load, save

sys.path.append(str(pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "benchmarks" / "peers"))
from torch_speedrun import Network, Training  # noqa: E402

SPEEDRUN = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "speedrun"
STEPS = {"sgd": 6, "muon": 3}  # SGD's slow weights follow after five
BATCH = 24
LOSS, STATE = 1e-3, 1e-2  # what they may differ by, as a share


def batches(steps):
    """Images that can be learned, a pattern for each class with noise."""
    torch.manual_seed(1)
    labels = torch.randint(10, (steps, BATCH))
    patterns = torch.randn(10, 32, 32, 3)
    return patterns[labels] + 0.5 * torch.randn(steps, BATCH, 32, 32, 3), labels


def whitening(images):
    """The filters of airbench from images (N, 3, H, W), and what tells the signs of eigenvectors."""
    patches = images.unfold(2, 2, 1).unfold(3, 2, 1).transpose(1, 3).reshape(-1, 12).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    return (vectors / torch.sqrt(values + 5e-4)).T.flip(0).float()


def distance(a, b):
    a, b = a.double(), b.double()
    return ((a - b).norm() / b.norm().clamp(min=1e-12)).item()


def check(target, optimizer, folder):
    steps = STEPS[optimizer]
    images, labels = batches(steps)
    paths = [f"{folder}/{name}" for name in ("batches", "start", "result")]
    save(paths[0], {"images": images, "labels": labels})
    subprocess.run([SPEEDRUN, str(target), optimizer, *paths], check=True)
    start, result = load(paths[1]), load(paths[2])

    filters = start["whiten.weight"].reshape(24, 12)
    expected = whitening(images[0].permute(0, 3, 1, 2))
    signs = torch.sign((filters[:12] * expected).sum(1, keepdim=True))
    assert distance(filters[:12], signs * expected) < 1e-3 and torch.equal(filters[12:], -filters[:12])

    net = Network(target, optimizer)
    state = {**net.state_dict(), **start}  # batch norms have no scale here
    net.load_state_dict(state, strict=True)
    training = Training(net, target, optimizer, steps, steps // 2)
    for step in range(steps):
        loss = training.step(images[step].permute(0, 3, 1, 2), labels[step])
        ours = result["losses"][step].item()
        assert abs(ours - loss) < LOSS * loss, (target, optimizer, step, ours, loss)
    after = net.state_dict()
    worst = max((distance(tensor, after[name[6:]]), name) for name, tensor in result.items()
                if name.startswith("model/") and tensor.is_floating_point())
    print(f"{target} % by {optimizer}: largest distance {worst[0]:.1e}, of {worst[1]}")
    assert worst[0] < STATE, worst


with tempfile.TemporaryDirectory() as temporary:
    for recipe in ((94, "sgd"), (94, "muon"), (96, "sgd")):
        check(*recipe, temporary)
