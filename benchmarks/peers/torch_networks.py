"""The networks of train_bench and zoo_bench in PyTorch: train/MODEL, infer/MODEL, latency/MODEL and
memory/MODEL. Those of train_bench are the ones that the tests exchange with the library and compare
logit by logit."""
import pathlib
import sys

import torch
import torch.nn.functional as F

import torch_zoo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "pytorch"))
from networks import make_network  # noqa: E402

PAPER_IMAGE = (3, 32, 32)
PAPER_BATCH = 128


def network(name, layout=torch.contiguous_format):
    net = torch_zoo.NETWORKS[name]() if name in torch_zoo.NETWORKS else make_network(name)
    return net.to(memory_format=layout)


def batch_size(kind, name):
    if kind == "latency":
        return 1
    return torch_zoo.batch_size(kind, name) if name in torch_zoo.NETWORKS else PAPER_BATCH


def random_images(kind, name, layout=torch.contiguous_format):
    image = torch_zoo.image(name) if name in torch_zoo.NETWORKS else PAPER_IMAGE
    return torch.randn(batch_size(kind, name), *image).contiguous(memory_format=layout)


def random_labels(net, images):
    """One for each image, or for each pixel of the logits."""
    with torch.no_grad():
        count, classes, *pixels = net(images).shape
    return torch.randint(0, classes, (count, *pixels))


def adam(net):
    """The fused form is the fastest, but older versions do not have it on the CPU."""
    return torch.optim.Adam(net.parameters(), lr=1e-3,
                            **({"fused": True} if torch.__version__ >= "2.4" else {}))


def compiled(net, images):
    """The compiled network, which must give the same logits."""
    if not hasattr(torch, "compile"):
        sys.exit(f"PyTorch {torch.__version__} has no torch.compile")
    if net.training:
        return torch.compile(net)
    from torch._inductor import config
    config.freezing = True  # weights are constants: convolutions keep theirs in oneDNN's own layout
    config.cpp_wrapper = True  # faster than Python for a single image
    fast = torch.compile(net)
    with torch.no_grad():
        check_same(net(images), fast(images))
    return fast


def check_same(expected, found):
    """Ends the program if the results of two programs for the same network differ."""
    error = (expected - found).abs().max() / expected.abs().max()
    if not error < 1e-3:
        sys.exit(f"expected PyTorch's output, got one that differs by {error:.1e} of its maximum")


def training_step(kind, name, layout, compile_it):
    net = network(name, layout)
    optimizer = adam(net)
    images = random_images(kind, name, layout)
    labels = random_labels(net, images)
    run = compiled(net, images) if compile_it else net

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(run(images), labels).backward()
        optimizer.step()

    return step


def inference(kind, name, layout, compile_it):
    net = network(name, layout).eval()
    images = random_images(kind, name, layout)
    run = compiled(net, images) if compile_it else net
    guard = torch.no_grad if compile_it else torch.inference_mode

    def call():
        with guard():
            run(images)

    return call


CASES = {"train": training_step, "memory": training_step, "infer": inference, "latency": inference}
