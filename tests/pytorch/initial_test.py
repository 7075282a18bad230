"""A new model's weights are spread as in PyTorch: He's normal distribution for convolutions and dense
layers, zeros for their biases, PyTorch's own for LSTM, GRU, ConvLSTM and batch norm, Le's for the IRNN."""
import os
import pathlib
import subprocess
import tempfile

import torch

from networks import initialise, make_network
from safetensors_file import load

PARITY = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "parity"
NETWORKS = ("cnn+lstm", "cnn+gru", "cnn+irnn", "cnn+convlstm", "vgg9", "resnet20+lstm",
            "cnn+irnn+sweep", "cnn+gru+readout")


def moments(values):
    """Mean, deviation and fourth moment: 3 if normal, 1.8 if uniform."""
    centred = values - values.mean()
    deviation = centred.square().mean().sqrt()
    return values.mean(), deviation, (centred / deviation).pow(4).mean()


def check(name, values, expected):
    """Equal if it has no spread, the identity included; else moments within six standard errors."""
    assert values.shape == expected.shape, (name, values.shape, expected.shape)
    values, expected = values.double().flatten(), expected.double().flatten()
    if len(expected.unique()) <= 2:
        assert torch.equal(values, expected), name
        return
    error = 6 * (2 / len(expected)) ** 0.5  # of a difference, in standard deviations
    mean, deviation, fourth = moments(values)
    expected_mean, expected_deviation, expected_fourth = moments(expected)
    assert abs(mean - expected_mean) < error * expected_deviation, (name, mean, expected_mean)
    assert abs(deviation / expected_deviation - 1) < error, (name, deviation, expected_deviation)
    assert abs(fourth - expected_fourth) < 24 ** 0.5 * error, (name, fourth, expected_fourth)


torch.manual_seed(1)
with tempfile.TemporaryDirectory() as folder:
    for network in NETWORKS:
        subprocess.run([PARITY, "new", network, f"{folder}/new"], check=True)
        state = load(f"{folder}/new")
        net = make_network(network)
        initialise(net)
        for name, expected in net.state_dict().items():
            check(f"{network} {name}", state[name], expected)
        print(f"{network}: the moments of {len(state)} tensors")
