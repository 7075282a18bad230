"""The paper's networks in PyTorch, layer for layer and name for name what examples/models/ builds."""
import torch
import torch.nn.functional as F
from torch import nn

from rnn_tap import RnnTap
from sweeps import Readout, Sweep


def convolution(channels, width, stride=1):
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)


def tap_features(taps):
    return sum(tap.bn.num_features for tap in taps)


def branches(cell, join, channels, size, patch, last):
    """What reads the map behind a stage: a tap, behind the last one a read-out, or nothing."""
    if cell and join == "tap":
        return [RnnTap(channels, size, patch, cell)]
    return [Readout(channels, cell)] if cell and join == "readout" and last else []


def sweeps(cell, join, stage, channels):
    """A sweep of the map behind `stage`, under its number, or nothing."""
    return nn.ModuleDict({str(stage): Sweep(channels, cell)} if join == "sweep" else {})


def swept(sweeps_, stage, x):
    return sweeps_[str(stage)](x) if str(stage) in sweeps_ else x


def read(taps, stage, stages, x):
    """What the branches make of the map behind a stage: there is one for each, or for the last."""
    k = stage + len(taps) - stages
    return [taps[k](x)] if taps and k >= 0 else []


class Plain(nn.Module):
    """Stages of convolution, batch norm and ReLU ended by max pooling; dense layers; if a cell is named,
    a tap after each stage, a read-out of the last map or a sweep behind the second stage."""

    def __init__(self, widths, dense, patches, cell="", join="tap", size=32, classes=10):
        super().__init__()
        self.stages, self.taps = nn.ModuleList(), nn.ModuleList()
        self.sweeps = sweeps(cell, join, 1, widths[1][-1])
        channels = 3
        for k, (stage, patch) in enumerate(zip(widths, patches)):
            layers = []
            for width in stage:
                layers += [convolution(channels, width), nn.BatchNorm2d(width),
                           nn.ReLU(inplace=True)]
                channels = width
            self.stages.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
            size //= 2
            self.taps.extend(branches(cell, join, channels, size, patch, k + 1 == len(widths)))
        features, head = channels * size * size, []
        for width in dense:
            head += [nn.Linear(features, width), nn.ReLU(inplace=True)]
            features = width
        self.head = nn.Sequential(*head)
        self.out = nn.Linear(features + tap_features(self.taps), classes)

    def forward(self, x):
        features = []
        for k, stage in enumerate(self.stages):
            x = swept(self.sweeps, k, stage(x))
            features += read(self.taps, k, len(self.stages), x)
        return self.out(torch.cat([self.head(x.flatten(1))] + features, 1))


class ResidualBlock(nn.Module):
    """He et al. 2015, with the shortcut of their option A: no parameters."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.c1, self.b1 = convolution(channels, width, stride), nn.BatchNorm2d(width)
        self.c2, self.b2 = convolution(width, width), nn.BatchNorm2d(width)
        self.stride, self.added = stride, width - channels

    def forward(self, x):
        y = F.relu(self.b1(self.c1(x)), inplace=True)
        y = self.b2(self.c2(y))
        if self.stride > 1:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(y + x, inplace=True)


class ResNet20(nn.Module):
    """He et al. 2015, section 4.2, n = 3; if a cell is named, a tap after each stage, or a read-out or a
    sweep of the last map."""

    def __init__(self, cell="", join="tap", classes=10):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 16), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.stages, self.taps = nn.ModuleList(), nn.ModuleList()
        self.sweeps = sweeps(cell, join, 2, 64)
        channels = 16
        for width, size, patch in ((16, 32, 8), (32, 16, 4), (64, 8, 2)):
            stride = 1 if width == channels else 2
            self.stages.append(nn.Sequential(ResidualBlock(channels, width, stride),
                                             ResidualBlock(width, width, 1),
                                             ResidualBlock(width, width, 1)))
            channels = width
            self.taps.extend(branches(cell, join, channels, size, patch, width == 64))
        self.out = nn.Linear(channels + tap_features(self.taps), classes)

    def forward(self, x):
        x = self.stem(x)
        features = []
        for k, stage in enumerate(self.stages):
            x = swept(self.sweeps, k, stage(x))
            features += read(self.taps, k, len(self.stages), x)
        return self.out(torch.cat([x.mean((2, 3))] + features, 1))


def make_network(name):
    """The network of a name such as "cnn", "vgg9+lstm" or "cnn+gru+sweep"."""
    network, cell, join = (*name.split("+"), "", "")[:3]
    join = join or "tap"
    if network == "cnn":
        return Plain(((32, 32), (64, 64)), (512,), (4, 4), cell, join)
    if network == "vgg9":
        return Plain(((64, 64), (128, 128), (256, 256)), (512, 512), (4, 4, 2), cell, join)
    if network == "resnet20":
        return ResNet20(cell, join)
    raise ValueError(f"expected a network cnn, vgg9 or resnet20, got {name}")


def initialise(net):
    """He's normal distribution and zero biases for convolutions and dense layers; Le's identity for the
    IRNN. The other cells, ConvLSTM's convolutions among them, keep PyTorch's own. What sweeps and
    read-outs add counts for nothing at first."""
    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and ".rnn." not in name:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if type(module) is nn.RNN:
            for parameter_name, parameter in module.named_parameters():
                if "weight_hh" in parameter_name:
                    nn.init.eye_(parameter)
                elif "weight_ih" in parameter_name:
                    nn.init.normal_(parameter, 0, 0.01)
                else:
                    nn.init.zeros_(parameter)
    for module in net.sweeps.values():
        nn.init.zeros_(module.rows_out.weight)
        nn.init.zeros_(module.columns_out.weight)
    joined = sum(branch.bn.num_features for branch in net.taps if isinstance(branch, Readout))
    if joined:
        own = net.out.in_features - joined
        with torch.no_grad():
            net.out.weight[:, :own] *= (net.out.in_features / own) ** 0.5
            net.out.weight[:, own:] = 0
