"""Single layers in PyTorch, under the names and with the shapes of kernels_bench."""
import torch
import torch.nn.functional as F
from torch import nn

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


def training_pass(x, module, run):
    """Forward and backward with a random gradient of what `run` makes of x."""
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
    "batch_norm_relu_train": batch_norm_relu,
    "max_pool_train": max_pool,
}
