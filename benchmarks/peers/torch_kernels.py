"""Single layers in PyTorch, with the names and shapes of kernels_bench."""
import functools
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "pytorch"))
from rnn_tap import ConvLstm  # noqa: E402

BATCH = 128
SEQUENCES = 1024


def images(size, channels, layout):
    return torch.randn(BATCH, channels, size, size).contiguous(memory_format=layout)


def convolution(direction):
    """Forward, or one of the two gradients alone."""
    def make(layout, size, channels, width):
        x, dy = images(size, channels, layout), images(size, width, layout)
        weight = torch.randn(width, channels, 3, 3).contiguous(memory_format=layout)
        if direction == "forward":
            return lambda: F.conv2d(x, weight, padding=1)
        wanted = [direction == "backward_input", direction == "backward_weight", False]
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)

    def without_gradients(*arguments):
        run = make(*arguments)
        return lambda: torch.no_grad()(run)()

    return without_gradients


def shaped_convolution(layout, _, images, size, channels, width, kernel, stride, dilation, groups, *kind):
    """A case of shapes_bench: conv/KIND/N/H/C/O/KHxKW/STRIDE/DILATION/GROUPS/forward or /train, and
    with /bf16 behind that all in bfloat16."""
    height, kernel_width = map(int, kernel.split("x"))
    padding = (int(dilation) * (height - 1) // 2, int(dilation) * (kernel_width - 1) // 2)
    module = nn.Conv2d(int(channels), int(width), (height, kernel_width), int(stride), padding,
                       int(dilation), int(groups), bias=False).to(memory_format=layout)
    x = torch.randn(int(images), int(channels), int(size), int(size))
    x = x.contiguous(memory_format=layout)
    return pass_of(kind[0], *in_precision(kind, x, module))


def in_precision(kind, x, module):
    """Both in bfloat16 where the name of a case ends in that."""
    return (x.bfloat16(), module.bfloat16()) if kind[1:] == ("bf16",) else (x, module)


def transposed_convolution(layout, images, size, channels, width, kernel, stride, padding, kind):
    """A case of shapes_bench: conv_transpose/N/H/C/O/KHxKW/STRIDE/PADDING/forward or /train."""
    module = nn.ConvTranspose2d(int(channels), int(width), tuple(map(int, kernel.split("x"))), int(stride),
                                int(padding)).to(memory_format=layout)
    x = torch.randn(int(images), int(channels), int(size), int(size)).contiguous(memory_format=layout)
    return pass_of(kind, x, module)


def sequence_convolution(layout, sequences, steps, channels, width, kernel, stride, dilation, kind):
    """A case of shapes_bench: conv1d/N/T/C/O/K/STRIDE/DILATION/forward or /train. Channels last is a view
    (N, C, T) of a tensor (N, T, C)."""
    padding = int(dilation) * (int(kernel) - 1) // 2
    module = nn.Conv1d(int(channels), int(width), int(kernel), int(stride), padding, int(dilation))
    x = torch.randn(int(sequences), int(channels), int(steps))
    if layout == torch.channels_last:
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
    return pass_of(kind, x, module)


def pass_of(kind, x, module):
    """Forward alone, or with both gradients."""
    return training_pass(x, module, module) if kind == "train" else lambda: torch.no_grad()(module)(x)


def shaped_recurrent(name, _, steps, sequences, features, units, kind):
    """A case of shapes_bench: lstm/T/N/F/U/forward or /train, the same for gru and rnn, and for both
    directions with _bidirectional."""
    cell, _, both = name.partition("_")
    layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell]
    module = layer(int(features), int(units), batch_first=True, bidirectional=bool(both))
    x = torch.randn(int(sequences), int(steps), int(features))
    return shaped_pass(x, module, lambda x: module(x)[0], kind)


def shaped_dense(_, rows, features, units, *kind):
    """A case of shapes_bench: dense/N/IN/OUT/forward or /train, and with /bf16 behind that all in
    bfloat16."""
    x, module = in_precision(kind, torch.randn(int(rows), int(features)), nn.Linear(int(features), int(units)))
    return shaped_pass(x, module, module, kind[0])


def shaped_pass(x, module, run, kind):
    if kind == "train":
        return training_pass(x, module, run)
    module.eval()
    return torch.no_grad()(lambda: run(x))


def training_pass(x, module, run):
    """Forward and backward, with a random gradient of the output of `run`."""
    x.requires_grad_()
    dy = torch.randn_like(run(x))

    def both():
        x.grad = None
        module.zero_grad(set_to_none=True)
        run(x).backward(dy)

    return both


def recurrent(kind, train, **options):
    def make(_, steps, features, units):
        module = kind(features, units, batch_first=True, bidirectional=True, **options)
        x = torch.randn(SEQUENCES, steps, features)
        if train:
            return training_pass(x, module, lambda x: module(x)[0])
        return lambda: torch.no_grad()(module)(x)

    return make


def conv_lstm(train):
    """Both directions on sequences of 4 x 4 patches."""
    def make(layout, steps, channels, filters):
        cells = nn.ModuleList([ConvLstm(channels, filters, 4) for _ in range(2)])
        cells = cells.to(memory_format=layout)
        x = torch.randn(SEQUENCES * steps, channels, 4, 4).contiguous(memory_format=layout)
        x = x.unflatten(0, (SEQUENCES, steps))

        def run(x):
            return torch.cat([cells[0](x), cells[1](x.flip(1)).flip(1)], 2)

        if train:
            return training_pass(x, cells, run)
        return lambda: torch.no_grad()(run)(x)

    return make


def batch_norm_relu(layout, size, channels):
    module = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
    return training_pass(images(size, channels, layout), module, module)


def max_pool(layout, size, channels):
    module = nn.MaxPool2d(2)
    return training_pass(images(size, channels, layout), module, module)


CASES = {
    "conv2d_forward": convolution("forward"),
    "conv2d_backward_input": convolution("backward_input"),
    "conv2d_backward_weight": convolution("backward_weight"),
    "lstm_forward": recurrent(nn.LSTM, train=False),
    "lstm_train": recurrent(nn.LSTM, train=True),
    "gru_forward": recurrent(nn.GRU, train=False),
    "gru_train": recurrent(nn.GRU, train=True),
    "rnn_forward": recurrent(nn.RNN, train=False, nonlinearity="relu"),
    "rnn_train": recurrent(nn.RNN, train=True, nonlinearity="relu"),
    "convlstm_forward": conv_lstm(train=False),
    "convlstm_train": conv_lstm(train=True),
    "batch_norm_relu_train": batch_norm_relu,
    "max_pool_train": max_pool,
}


SHAPED = {  # the cases of shapes_bench
    "conv": shaped_convolution,
    "conv_transpose": transposed_convolution,
    "conv1d": sequence_convolution,
    "dense": shaped_dense,
    **{cell + directions: functools.partial(shaped_recurrent, cell + directions)
       for cell in ("lstm", "gru", "rnn") for directions in ("", "_bidirectional")},
}
