"""Training here is the same computation as in PyTorch: from the same weights, on the same batches,
the paper's networks get the same gradient for every parameter, and after twenty steps of Adam have
lost the same, with the same weights, running statistics and moments. In double the two agree to
rounding. In float a unit whose input is all but 0 is off in one and on in the other, and all
gradients below it differ by what passes through it, in PyTorch as here: so gradients and losses are
held, more loosely, against PyTorch's in double."""
import os
import pathlib
import re
import subprocess
import tempfile

import torch
import torch.nn.functional as F

from networks import make_network
from safetensors_file import load, save

PARITY = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "parity"
STEPS = 20
NETWORKS = {"cnn": 8, "cnn+lstm": 8, "cnn+gru+sweep": 8, "cnn+gru+readout": 8, "vgg9": 4,
            "resnet20": 8, "resnet20+irnn+sweep": 8}  # with the size of their batches
RNN_L2 = 1e-4
TOLERANCES = {"double": {"gradient/": 1e-11, "losses": 1e-11, "model/": 1e-9, "optimizer/": 1e-9},
              "float": {"gradient/": 2e-2, "losses": 5e-2}}
TYPES = {"float": torch.float32, "double": torch.float64}


def make_optimizer(net):
    """Adam with the paper's L2 on the weights of its RNNs. It takes small steps, because large ones on
    few images make of a rounding in float another training."""
    recurrent = [parameter for name, parameter in net.named_parameters()
                 if re.search(r"\.(rnn|rows|columns)\..*weight", name)]
    others = [parameter for parameter in net.parameters()
              if all(parameter is not one for one in recurrent)]
    groups = [{"params": others}]
    if recurrent:
        groups.append({"params": recurrent, "weight_decay": RNN_L2})
    return torch.optim.Adam(groups, lr=1e-4)


def train_in_pytorch(name, state, images, labels):
    """All that `parity train` writes, by the same names."""
    net = make_network(name).to(images.dtype)
    net.load_state_dict(state, strict=True)
    optimizer = make_optimizer(net)
    result, losses = {}, []
    for batch, targets in zip(images, labels):
        loss = F.cross_entropy(net(batch.permute(0, 3, 1, 2)), targets)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            result = {f"gradient/{path}": parameter.grad.clone()
                      for path, parameter in net.named_parameters()}
        optimizer.step()
        losses.append(loss.detach())
    result["losses"] = torch.stack(losses)
    for path, tensor in net.state_dict().items():
        result[f"model/{path}"] = tensor
    for index, memory in optimizer.state_dict()["state"].items():
        result[f"optimizer/{index}.step"] = torch.tensor(int(memory["step"]))
        for moment in ("exp_avg", "exp_avg_sq"):
            result[f"optimizer/{index}.{moment}"] = memory[moment]
    return result


def train_here(name, type_name, state, images, labels, folder):
    paths = [f"{folder}/{file}" for file in ("model", "batches", "result")]
    save(paths[0], state)
    save(paths[1], {"images": images, "labels": labels})
    subprocess.run([PARITY, "train", type_name, name, *paths], check=True)
    return load(paths[2])


def cast(state, dtype):
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()}


def distance(a, b):
    """The difference of two tensors as a share of their size, in the sense of the 2-norm."""
    a, b = a.double(), b.double()
    return ((a - b).norm() / b.norm()).item()


def worst_distance(result, expected, prefix):
    """The largest distance of the tensors whose names begin so; counts must be the same."""
    names = [name for name in expected if name.startswith(prefix)]
    assert names and all(torch.equal(result[name], expected[name]) for name in names
                         if not expected[name].is_floating_point())
    return max((distance(result[name], expected[name]), name) for name in names
               if expected[name].is_floating_point())


def check(network, type_name, result, expected, tolerances):
    assert result.keys() == expected.keys(), result.keys() ^ expected.keys()
    for prefix, tolerance in tolerances.items():
        worst, name = worst_distance(result, expected, prefix)
        print(f"{network}, {type_name}: largest distance {worst:.1e}, of {name}")
        assert worst < tolerance, (network, type_name, name, worst, tolerance)


def batches(size):
    """Images that can be learned, a pattern for each class with noise, so that training is calm."""
    torch.manual_seed(1)
    labels = torch.randint(10, (STEPS, size))
    patterns = torch.randn(10, 32, 32, 3)
    return patterns[labels] + 0.5 * torch.randn(STEPS, size, 32, 32, 3), labels


def check_network(name, batch, folder):
    subprocess.run([PARITY, "new", name, f"{folder}/new"], check=True)
    state = load(f"{folder}/new")
    images, labels = batches(batch)
    expected = train_in_pytorch(name, cast(state, torch.float64), images.double(), labels)
    for type_name, dtype in TYPES.items():
        result = train_here(name, type_name, cast(state, dtype), images.to(dtype), labels, folder)
        check(name, type_name, result, expected, TOLERANCES[type_name])


with tempfile.TemporaryDirectory() as temporary:
    for network, size in NETWORKS.items():
        check_network(network, size, temporary)
