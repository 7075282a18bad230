#!/usr/bin/env python3
"""Trains the paper's networks in PyTorch with the recipe of examples/table1.py: Adam, a fixed learning
rate of 0.001, batches of 128, no augmentation, an L2 term of 1e-4 on recurrent weights, until the
training accuracy reaches the paper's. Unlike there, the last batch of an epoch, of 80 images, is kept.

Each run writes a history.csv to OUT/NAME-seedS. `examples/table1.py --report-only --peer OUT` compares
these with the runs of cnnrnn. Finished runs are not trained again."""
import argparse
import csv
import dataclasses
import itertools
import pathlib
import re
import sys
import time

import numpy
import torch
import torch.nn.functional as F

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests" / "pytorch"), str(SOURCE / "examples")]
from networks import initialise, make_network  # noqa: E402
from paper.grid import JOINS, MOST_EPOCHS, NETWORKS, Row  # noqa: E402
from paper.runs import Epoch, Goal, Run  # noqa: E402

BATCH = 128
TEST_BATCH = 500
CELLS = ("none", "lstm", "gru", "irnn", "convlstm")
RNN_L2 = 1e-4


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=[*NETWORKS], metavar="MODEL",
                        help="networks to train: " + ", ".join(NETWORKS) + "; default: all")
    parser.add_argument("--rnns", nargs="+", choices=CELLS, default=["none"], metavar="RNN",
                        help="cells to train them with: " + ", ".join(CELLS) + "; default: none")
    parser.add_argument("--joins", nargs="+", choices=JOINS, default=["tap"], metavar="JOIN",
                        help="how the cells join the networks: " + ", ".join(JOINS) + "; default: tap; "
                             "a convlstm only taps")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED",
                        help="one run of each network per seed; default: 0")
    parser.add_argument("--epochs", type=int, default=MOST_EPOCHS,
                        help=f"maximum epochs of a run; default: {MOST_EPOCHS}")
    parser.add_argument("--data", type=pathlib.Path, required=True, metavar="DIR",
                        help="folder with data_batch_1.bin to test_batch.bin of CIFAR-10")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/pytorch"), metavar="DIR",
                        help="where each run gets a folder; default: runs/pytorch")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error(f"argument --epochs: expected 1 or more, got {args.epochs}")
    return args


def read_images(folder, names):
    """The images (N, 3, 32, 32), normalised per colour channel, and their labels."""
    rows = numpy.concatenate([numpy.fromfile(folder / f"{name}.bin", numpy.uint8).reshape(-1, 3073)
                              for name in names])
    pixels = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32)).float() / 255
    mean = torch.tensor([0.4914, 0.48216, 0.44653]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.24703, 0.24349, 0.26159]).view(1, 3, 1, 1)
    images = ((pixels - mean) / deviation).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(rows[:, 0].astype(numpy.int64))


def make_optimizer(net):
    def is_recurrent(name):
        return re.search(r"\.(rnn|rows|columns)\..*weight", name)

    parameters = [*net.named_parameters()]
    return torch.optim.Adam(
        [{"params": [p for name, p in parameters if not is_recurrent(name)]},
         {"params": [p for name, p in parameters if is_recurrent(name)], "weight_decay": RNN_L2}],
        lr=1e-3)


class Mean:
    """The mean loss and the accuracy."""

    def __init__(self):
        self.images = self.loss = self.right = 0

    def add(self, logits, loss, labels):
        self.images += len(labels)
        self.loss += loss.item() * len(labels)
        self.right += (logits.argmax(1) == labels).sum().item()

    def values(self):
        return self.loss / self.images, self.right / self.images


def train_epoch(net, optimizer, images, labels):
    net.train()
    mean = Mean()
    for batch in torch.randperm(len(images)).split(BATCH):
        x, y = images[batch].contiguous(memory_format=torch.channels_last), labels[batch]
        optimizer.zero_grad(set_to_none=True)
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        if not loss.isfinite():
            sys.exit(f"torch_table1: expected a finite loss, got {loss.item()}")
        loss.backward()
        optimizer.step()
        mean.add(logits, loss, y)
    return mean.values()


@torch.inference_mode()
def test(net, images, labels):
    net.eval()
    mean = Mean()
    for x, y in zip(images.split(TEST_BATCH), labels.split(TEST_BATCH)):
        logits = net(x)
        mean.add(logits, F.cross_entropy(logits, y), y)
    return mean.values()


def epochs(net, goal, train_images, test_images):
    """The lines of history.csv, until the goal is reached."""
    optimizer = make_optimizer(net)
    for epoch in range(1, goal.epochs + 1):
        start = time.perf_counter()
        loss, accuracy = train_epoch(net, optimizer, *train_images)
        seconds = time.perf_counter() - start
        yield (epoch, *(f"{x:.6f}" for x in (loss, accuracy, *test(net, *test_images))),
               f"{seconds:.3f}", f"{len(train_images[0]) / seconds:.1f}")
        if accuracy >= goal.train_accuracy:
            return


def train(run, goal, train_images, test_images):
    """Writes the history of a run. A run that was stopped before starts anew."""
    if goal.reached(run.history()):
        print(f"{run.title}: done before")
        return
    torch.manual_seed(run.seed)
    net = make_network(run.row.name()).to(memory_format=torch.channels_last)
    initialise(net)
    run.folder.mkdir(parents=True, exist_ok=True)
    with open(run.folder / "history.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(Epoch))
        for line in epochs(net, goal, train_images, test_images):
            writer.writerow(line)
            file.flush()
            print(f"{run.title}:", *line, flush=True)


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    train_images = read_images(args.data, [f"data_batch_{i}" for i in range(1, 6)])
    test_images = read_images(args.data, ["test_batch"])
    for seed in args.seeds:
        for network, rnn, join in itertools.product(args.models, args.rnns, args.joins):
            row = Row(network, rnn, join="tap" if rnn == "none" else join)
            train(Run.at(args.out, row, seed), Goal(args.epochs, row.paper.train), train_images,
                  test_images)


if __name__ == "__main__":
    main()
