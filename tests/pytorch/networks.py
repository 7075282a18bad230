"""The CNN-RNN in PyTorch, layer for layer and name for name what examples/models/cnn_rnn.hpp builds."""
import torch
from torch import nn


class RnnTap(nn.Module):
    """Patches of a feature map (N, C, H, W), row by row through a bidirectional LSTM; the final states
    of each row, flattened and batch-normalised: (N, H / patch * 2 * units)."""

    def __init__(self, channels, height, patch, units):
        super().__init__()
        self.patch = patch
        self.rnn = nn.LSTM(channels * patch * patch, units, batch_first=True, bidirectional=True)
        self.bn = nn.BatchNorm1d(height // patch * 2 * units)

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        patches = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
        sequences = patches.reshape(n * (h // p), w // p, c * p * p)
        final = self.rnn(sequences)[1][0]  # (2, N * H / p, units)
        return self.bn(final.permute(1, 0, 2).reshape(n, -1))


class CnnRnn(nn.Module):
    """Stages of convolution, batch norm and ReLU ended by max pooling; a dense layer; a tap after each
    stage if `units` is not zero."""

    def __init__(self, size=32, widths=((32, 32), (64, 64)), dense=512, patch=4, units=0, classes=10):
        super().__init__()
        self.stages, self.taps = nn.ModuleList(), nn.ModuleList()
        channels = 3
        for stage in widths:
            layers = []
            for width in stage:
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False),
                           nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            self.stages.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
            size //= 2
            if units:
                self.taps.append(RnnTap(channels, size, patch, units))
        self.head = nn.Sequential(nn.Linear(channels * size * size, dense), nn.ReLU())
        self.out = nn.Linear(dense + sum(tap.bn.num_features for tap in self.taps), classes)

    def forward(self, x):
        features = []
        for k, stage in enumerate(self.stages):
            x = stage(x)
            if self.taps:
                features.append(self.taps[k](x))
        return self.out(torch.cat([self.head(x.flatten(1))] + features, 1))
