"""The speedrun in PyTorch: the networks and recipes of examples/speedrun, name for name, and the seconds that
a training step takes.

usage: torch_speedrun.py [--target 94|95|96] [--optimizer sgd|muon] [--threads N] [--steps N] [--compile]
"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

KILOSTEP = 1024 * (1 + 1 / (1 - 0.85))
WIDTHS = {94: (64, 256, 256), 95: (128, 384, 384), 96: (128, 384, 512)}
RATES = {94: 11.5, 95: 10, 96: 9}
DECAYS = {94: 0.0153, 95: 0.0153, 96: 0.012}


class Group(nn.Module):
    def __init__(self, channels, width, residual, momentum):
        super().__init__()

        def norm():
            layer = nn.BatchNorm2d(width, eps=1e-12, momentum=momentum)
            layer.weight.requires_grad = False
            return layer

        def convolution(channels):
            return nn.Conv2d(channels, width, 3, padding=1, bias=False)

        self.pooled = nn.Sequential(convolution(channels), nn.MaxPool2d(2), norm(), nn.GELU())
        self.body = nn.Sequential(convolution(width), norm(), nn.GELU())
        if residual:
            self.conv, self.norm = convolution(width), norm()

    def forward(self, x):
        a = self.pooled(x)
        b = self.body(a)
        return F.gelu(self.norm(self.conv(b)) + a) if hasattr(self, "conv") else b


class Network(nn.Module):
    def __init__(self, target, optimizer, classes=10):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad = False
        momentum = 0.1 if target == 96 else 0.4
        self.groups, channels = nn.ModuleList(), 24
        for width in WIDTHS[target]:
            self.groups.append(Group(channels, width, target == 96, momentum))
            channels = width
        self.head = nn.Linear(channels, classes, bias=False)
        self.scale = 1 / 256 if optimizer == "muon" else 1 / 9

    def forward(self, x):
        x = F.gelu(self.whiten(x))
        for group in self.groups:
            x = group(x)
        return self.head(F.max_pool2d(x, 3).flatten(1)) * self.scale


def orthogonalised(gradient, steps=3):
    """The Newton-Schulz iteration of airbench, in the type of the gradient."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient.reshape(len(gradient), -1)
    x = x / (x.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).reshape(gradient.shape)


class Muon:
    """airbench's Muon: weights are normalised, then changed."""

    def __init__(self, parameters):
        self.parameters, self.buffers = parameters, [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, factor):
        for p, buffer in zip(self.parameters, self.buffers):
            buffer.mul_(0.6).add_(p.grad)
            p.mul_(len(p) ** 0.5 / p.norm())
            p.sub_(0.24 * factor * orthogonalised(p.grad + 0.6 * buffer))


class Training:
    """Takes steps as the recipe has them."""

    def __init__(self, net, target, optimizer, steps, whiten_steps):
        self.net, self.steps, self.whiten_steps = net, steps, whiten_steps
        self.target, self.muon, self.step_count = target, None, 0
        learning = [p for p in net.groups.parameters() if p.requires_grad]
        norms = [p for p in learning if p.dim() == 1]
        convolutions = [p for p in learning if p.dim() == 4]
        if optimizer == "muon":
            decay = 2e-6 * 2000
            rates = (0.053, 0.053, 0.67)
            self.muon = Muon(convolutions)
            convolutions = []
        else:
            decay = DECAYS[target] * 1024 / KILOSTEP
            rate = RATES[target] / KILOSTEP
            rates = (rate, 64 * rate, rate)
        groups = zip(([net.whiten.bias], norms, [net.head.weight, *convolutions]), rates)
        self.groups = [{"params": params, "lr": rate, "weight_decay": decay / rate} for params, rate in groups]
        self.sgd = torch.optim.SGD(self.groups, lr=1, momentum=0.85, nesterov=True)
        self.rates = rates
        self.slow = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    def factor(self, step):
        if self.muon:
            return 1 - step / self.steps
        rising, last = (0.1, 0) if self.target == 96 else (0.23, 0.07)
        top = int(rising * self.steps)
        if step < top:
            return 0.2 + 0.8 * step / top
        return 1 + (last - 1) * (step - top) / (self.steps - top)

    def look_ahead(self, share):
        for name, tensor in self.net.state_dict().items():
            if tensor.is_floating_point():
                self.slow[name].lerp_(tensor, share)
                tensor.copy_(self.slow[name])

    def step(self, images, labels):
        """A step on (N, 3, 32, 32) and (N); returns the summed loss."""
        step = self.step_count
        self.net.whiten.bias.requires_grad = step < self.whiten_steps
        loss = F.cross_entropy(self.net(images), labels, label_smoothing=0.2, reduction="sum")
        self.sgd.zero_grad(set_to_none=True)
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        factors = [self.factor(step)] * 3
        if self.muon:
            factors[0] = max(0, 1 - step / self.whiten_steps)
        for group, rate, factor in zip(self.sgd.param_groups, self.rates, factors):
            group["lr"] = rate * factor
        self.sgd.step()
        if self.muon:
            self.muon.step(self.factor(step))
        self.step_count += 1
        if not self.muon:
            if self.step_count % 5 == 0:
                self.look_ahead(1 - 0.95 ** 5 * (self.step_count / self.steps) ** 3)
            if self.step_count == self.steps:
                self.look_ahead(0)
        return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", type=int, choices=(94, 95, 96), default=94)
    parser.add_argument("--optimizer", choices=("sgd", "muon"), default="sgd")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=6, help="measured, after two that are not")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch = 2000 if args.optimizer == "muon" else 1024
    net = Network(args.target, args.optimizer).to(memory_format=torch.channels_last)
    training = Training(net, args.target, args.optimizer, 476, 144)
    if args.compile:
        training.net.forward = torch.compile(net.forward)
    images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    seconds = []
    for _ in range(args.steps + 2):
        began = time.perf_counter()
        training.step(images, labels)
        seconds.append(time.perf_counter() - began)
    print(f"torch {torch.__version__}, {args.threads} threads, {args.target} % by {args.optimizer}: "
          f"{statistics.median(seconds[2:]):.3f} s a step of {batch} images")


if __name__ == "__main__":
    main()
