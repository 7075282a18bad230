"""The networks of train_bench and zoo_bench in PyTorch: train/MODEL, infer/MODEL, latency/MODEL and
memory/MODEL; with /bf16 behind it, under autocast to bfloat16. Those of train_bench are the ones that
the tests exchange with the library and compare logit by logit."""
import dataclasses
import pathlib
import sys

import torch
import torch.nn.functional as F

import torch_zoo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "pytorch"))
from networks import make_network  # noqa: E402

PAPER_IMAGE = (3, 32, 32)
PAPER_BATCH = 128


@dataclasses.dataclass
class Case:
    kind: str
    model: str
    bfloat16: bool

    @classmethod
    def named(cls, name):
        kind, model, *precision = name.split("/")
        return cls(kind, model, precision == ["bf16"])

    def network(self, layout=torch.contiguous_format):
        in_zoo = self.model in torch_zoo.NETWORKS
        net = torch_zoo.NETWORKS[self.model]() if in_zoo else make_network(self.model)
        return net.to(memory_format=layout)

    def batch_size(self):
        if self.kind == "latency":
            return 1
        in_zoo = self.model in torch_zoo.NETWORKS
        return torch_zoo.batch_size(self.kind, self.model) if in_zoo else PAPER_BATCH

    def random_images(self, layout=torch.contiguous_format):
        image = torch_zoo.image(self.model) if self.model in torch_zoo.NETWORKS else PAPER_IMAGE
        return torch.randn(self.batch_size(), *image).contiguous(memory_format=layout)

    def autocast(self):
        """Products and convolutions in bfloat16, if the case asks for it."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)

    def check_same(self, expected, found):
        """Ends the program if the results of two programs for the same network differ."""
        most = 0.1 if self.bfloat16 else 1e-3
        error = (expected - found).abs().max() / expected.abs().max()
        if not error < most:
            sys.exit(f"expected PyTorch's output, got one that differs by {error:.1e} of its maximum")


def random_labels(net, images):
    """One for each image, or for each pixel of the logits."""
    with torch.no_grad():
        count, classes, *pixels = net(images).shape
    return torch.randint(0, classes, (count, *pixels))


def adam(net):
    """The fused form is the fastest, but older versions do not have it on the CPU."""
    return torch.optim.Adam(net.parameters(), lr=1e-3,
                            **({"fused": True} if torch.__version__ >= "2.4" else {}))


def compiled(case, net, images):
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
        expected = net(images)
        with case.autocast():
            case.check_same(expected, fast(images))
    return fast


def training_step(case, layout, compile_it):
    net = case.network(layout)
    optimizer = adam(net)
    images = case.random_images(layout)
    labels = random_labels(net, images)
    run = compiled(case, net, images) if compile_it else net

    def step():
        optimizer.zero_grad(set_to_none=True)
        with case.autocast():
            loss = F.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()

    return step


def inference(case, layout, compile_it):
    net = case.network(layout).eval()
    images = case.random_images(layout)
    run = compiled(case, net, images) if compile_it else net
    guard = torch.no_grad if compile_it or case.bfloat16 else torch.inference_mode
    case.autocast().__enter__()  # for good: it keeps rounded weights while it lasts

    def call():
        with guard():
            run(images)

    return call


CASES = {"train": training_step, "memory": training_step, "infer": inference, "latency": inference}
