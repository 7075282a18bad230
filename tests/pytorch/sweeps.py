"""Sweeps and read-outs of feature maps in PyTorch, as nn::RecurrentSweep and nn::RecurrentReadout are."""
import torch
from torch import nn

from rnn_tap import UNITS

READOUT_UNITS = 64


def network(features, units, cell):
    kind, options = {"lstm": (nn.LSTM, {}), "gru": (nn.GRU, {}),
                     "irnn": (nn.RNN, {"nonlinearity": "relu"})}[cell]
    return kind(features, units, batch_first=True, bidirectional=True, **options)


def read_rows(rnn, x):
    """All states along the rows of x (N, H, W, C): (N, H, W, 2U)."""
    n, h, w, c = x.shape
    return rnn(x.reshape(n * h, w, c))[0].reshape(n, h, w, -1)


def read_columns(rnn, x):
    return read_rows(rnn, x.transpose(1, 2)).transpose(1, 2)


class Sweep(nn.Module):
    """a = x + P1 h(BN(x)), y = a + P2 v(BN(a)) of x (N, C, H, W), with h along the rows and v along the
    columns."""

    def __init__(self, channels, cell):
        super().__init__()
        self.rows_norm = nn.BatchNorm2d(channels)
        self.rows = network(channels, UNITS, cell)
        self.rows_out = nn.Linear(2 * UNITS, channels)
        self.columns_norm = nn.BatchNorm2d(channels)
        self.columns = network(channels, UNITS, cell)
        self.columns_out = nn.Linear(2 * UNITS, channels)

    def forward(self, x):
        states = read_rows(self.rows, self.rows_norm(x).permute(0, 2, 3, 1))
        x = x + self.rows_out(states).permute(0, 3, 1, 2)
        states = read_columns(self.columns, self.columns_norm(x).permute(0, 2, 3, 1))
        return x + self.columns_out(states).permute(0, 3, 1, 2)


class Readout(nn.Module):
    """The columns of what the rows of x (N, C, H, W) gave, mean and maximum over all places,
    batch-normalised: (N, 4U)."""

    def __init__(self, channels, cell):
        super().__init__()
        self.rows = network(channels, READOUT_UNITS, cell)
        self.columns = network(2 * READOUT_UNITS, READOUT_UNITS, cell)
        self.bn = nn.BatchNorm1d(4 * READOUT_UNITS)

    def forward(self, x):
        y = read_columns(self.columns, read_rows(self.rows, x.permute(0, 2, 3, 1)))
        return self.bn(torch.cat([y.mean((1, 2)), y.amax((1, 2))], 1))
