"""A saved model loads in PyTorch with load_state_dict(strict=True) and gives the same logits, and
one that PyTorch saved loads here and does."""
import os
import pathlib
import subprocess
import sys
import tempfile

import torch

from networks import CnnRnn
from safetensors_file import load, save

EXCHANGE = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "exchange"
UNITS = {"none": 0, "lstm": 32}
PARAMETERS = {"none": 2_168_554, "lstm": 2_583_786}


def nchw(images):
    return images.permute(0, 3, 1, 2)


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def from_here_to_pytorch(rnn, model, example):
    subprocess.run([EXCHANGE, "write", rnn, model, example], check=True)
    net = CnnRnn(units=UNITS[rnn])
    net.load_state_dict(load(model), strict=True)
    net.eval()
    assert parameters(net) == PARAMETERS[rnn], parameters(net)
    tensors = load(example)
    with torch.no_grad():
        worst = (net(nchw(tensors["images"])) - tensors["logits"]).abs().max().item()
    print(f"{rnn}: from here to PyTorch, largest difference {worst}")
    assert worst < 1e-4, worst


def from_pytorch_to_here(rnn, model, example):
    torch.manual_seed(1)
    net = CnnRnn(units=UNITS[rnn])
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 3, 32, 32))
        net.eval()
        images = torch.randn(5, 32, 32, 3)
        save(model, net.state_dict())
        save(example, {"images": images, "logits": net(nchw(images))})
    subprocess.run([EXCHANGE, "read", rnn, model, example], check=True)


with tempfile.TemporaryDirectory() as folder:
    for kind in UNITS:
        from_here_to_pytorch(kind, f"{folder}/model", f"{folder}/example")
        from_pytorch_to_here(kind, f"{folder}/model", f"{folder}/example")
sys.exit(0)
