"""The networks of train_bench in PyTorch: train/MODEL, infer/MODEL, latency/MODEL and memory/MODEL. They
are those that the tests exchange with the library and compare logit by logit."""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "pytorch"))
from networks import make_network  # noqa: E402

BATCH = 128


def training_step(name, layout):
    net = make_network(name).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    images = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.randint(0, 10, (BATCH,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()

    return step


def inference(name, layout, images):
    net = make_network(name).to(memory_format=layout).eval()
    x = torch.randn(images, 3, 32, 32).contiguous(memory_format=layout)

    def run():
        with torch.inference_mode():
            net(x)

    return run


CASES = {
    "train": training_step,
    "memory": training_step,
    "infer": lambda name, layout: inference(name, layout, BATCH),
    "latency": lambda name, layout: inference(name, layout, 1),
}
