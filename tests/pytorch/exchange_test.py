"""A saved model loads in PyTorch with load_state_dict(strict=True) and gives the same logits, and
one that PyTorch saved loads here and does."""
import os
import pathlib
import subprocess
import sys
import tempfile

import torch

from networks import make_network
from safetensors_file import load, save

EXCHANGE = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "exchange"
PARAMETERS = {"cnn": 2_168_554, "cnn+lstm": 2_583_786, "cnn+gru": 2_481_130, "cnn+irnn": 2_275_818,
              "cnn+convlstm": 2_253_162, "vgg9": 3_511_754,
              "vgg9+lstm": 4_592_586, "resnet20": 269_722, "resnet20+lstm": 763_802,
              "cnn+irnn+sweep": 2_189_674, "cnn+gru+sweep": 2_214_762, "cnn+gru+readout": 2_296_042,
              "vgg9+irnn+sweep": 3_549_642, "resnet20+irnn+sweep": 290_842}


def nchw(images):
    return images.permute(0, 3, 1, 2)


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def from_here_to_pytorch(name, model, example):
    subprocess.run([EXCHANGE, "write", name, model, example], check=True)
    net = make_network(name)
    net.load_state_dict(load(model), strict=True)
    net.eval()
    assert parameters(net) == PARAMETERS[name], parameters(net)
    tensors = load(example)
    with torch.no_grad():
        worst = (net(nchw(tensors["images"])) - tensors["logits"]).abs().max().item()
    print(f"{name}: from here to PyTorch, largest difference {worst}")
    assert worst < 1e-4, worst


def from_pytorch_to_here(name, model, example):
    torch.manual_seed(1)
    net = make_network(name)
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 3, 32, 32))
        net.eval()
        images = torch.randn(5, 32, 32, 3)
        save(model, net.state_dict())
        save(example, {"images": images, "logits": net(nchw(images))})
    subprocess.run([EXCHANGE, "read", name, model, example], check=True)


with tempfile.TemporaryDirectory() as folder:
    for name in PARAMETERS:
        from_here_to_pytorch(name, f"{folder}/model", f"{folder}/example")
        from_pytorch_to_here(name, f"{folder}/model", f"{folder}/example")
sys.exit(0)
