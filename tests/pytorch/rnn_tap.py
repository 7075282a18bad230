"""The paper's RNN tap in PyTorch, with every cell."""
import torch
from torch import nn

UNITS = 32


class ConvLstm(nn.Module):
    """One direction, composed of convolutions: x (N, T, C, H, W) -> all hidden states. The input is
    convolved for all steps at once; the peepholes are Shi's."""

    def __init__(self, channels, filters, size):
        super().__init__()
        self.filters = filters
        self.ih = nn.Conv2d(channels, 4 * filters, 3, 1, 1)
        self.hh = nn.Conv2d(filters, 4 * filters, 3, 1, 1, bias=False)
        self.ci, self.cf, self.co = (nn.Parameter(torch.zeros(filters, size, size))
                                     for _ in range(3))

    def forward(self, x):
        inputs = self.ih(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        h = c = x.new_zeros(x.shape[0], self.filters, *x.shape[3:])
        states = []
        for step in range(x.shape[1]):
            i, f, g, o = (inputs[:, step] + self.hh(h)).chunk(4, 1)
            i, f = torch.sigmoid(i + self.ci * c), torch.sigmoid(f + self.cf * c)
            c = f * c + i * torch.tanh(g)
            h = torch.sigmoid(o + self.co * c) * torch.tanh(c)
            states.append(h)
        return torch.stack(states, 1)


class RnnTap(nn.Module):
    """Patches of a feature map (N, C, H, W), row by row through a bidirectional RNN; the final states
    of each row, flattened and batch-normalised."""

    def __init__(self, channels, height, patch, cell):
        super().__init__()
        self.patch, self.cell = patch, cell
        rows, pixels = height // patch, patch * patch
        if cell == "convlstm":
            filters = UNITS // 4
            self.rnn = nn.ModuleList([ConvLstm(channels, filters, patch) for _ in range(2)])
            self.bn = nn.BatchNorm1d(rows * 2 * filters * pixels)
        else:
            kind, options = {"lstm": (nn.LSTM, {}), "gru": (nn.GRU, {}),
                             "irnn": (nn.RNN, {"nonlinearity": "relu"})}[cell]
            self.rnn = kind(channels * pixels, UNITS, batch_first=True, bidirectional=True,
                            **options)
            self.bn = nn.BatchNorm1d(rows * 2 * UNITS)

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        patches = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
        rows = patches.reshape(n * (h // p), w // p, c, p, p)
        return self.bn(self.final_states(rows).reshape(n, -1))

    def final_states(self, rows):
        if self.cell == "convlstm":
            return torch.cat([self.rnn[0](rows)[:, -1], self.rnn[1](rows.flip(1))[:, -1]], 1)
        final = self.rnn(rows.flatten(2))[1]
        final = final[0] if self.cell == "lstm" else final  # without c
        return final.permute(1, 0, 2)
