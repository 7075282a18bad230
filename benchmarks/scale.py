#!/usr/bin/env python3
"""How far data-parallel training goes, on paper: seconds a step from the step of one node, the bytes of the
gradients, and the latency and bandwidth of the network (docs/scale.md has the formula).

  scale.py measure    times numbers of processes and threads on this machine, in turns
  scale.py draw       draws 2 to 256 nodes into docs/scale.png, and prints where it stops paying"""
import argparse
import csv
import dataclasses
import math
import pathlib
import statistics
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
BUCKET = 1 << 20  # bytes, as DataParallelOptions has it
BACKWARD = 0.6  # of a step, from the first bucket on, assumed: what hides the others


@dataclasses.dataclass(frozen=True)
class Model:
    seconds: float  # of a step of 128 images on one node: two cores of a Zen 5
    parameters: int

    @property
    def bytes(self):
        return 4 * self.parameters


@dataclasses.dataclass(frozen=True)
class Network:
    bandwidth: float  # bytes a second
    latency: float = 30e-6


MODELS = {"cnn": Model(128 / 4700, 2168554), "vgg9": Model(128 / 1218, 3511754),
          "resnet20": Model(128 / 2710, 269722), "resnet50": Model(128 / 13, 25557032)}  # the last by its inference
NETWORKS = {"10 Gb/s": Network(1.25e9), "100 Gb/s": Network(12.5e9, 10e-6)}


def exchange(volume, nodes, network):
    """Seconds to add a vector up over the nodes and to give the sum to all."""
    steps = 2 * math.log2(nodes)
    return steps * network.latency + 2 * (nodes - 1) / nodes * volume / network.bandwidth


def step_seconds(compute, volume, nodes, network):
    """Seconds of a step: what a node computes, what of the gradients does not hide behind backward, the last
    bucket, and two small messages to all (the losses, and whether somebody wants to stop)."""
    if nodes == 1:
        return compute
    last = min(volume, BUCKET)
    hidden = exchange(volume - last, nodes, network) if volume > last else 0
    small = 2 * math.log2(nodes) * network.latency
    return compute + max(0, hidden - BACKWARD * compute) + exchange(last, nodes, network) + small


def speedup(model, nodes, network, faster, shared_batch):
    """Images a second against one node that is `faster` than ours. A shared batch of 1024 images is cut among
    the nodes; else each has 128."""
    whole = model.seconds / faster * (8 if shared_batch else 1)
    own = whole / nodes if shared_batch else whole
    taken = step_seconds(own, model.bytes, nodes, network)
    return whole / taken if shared_batch else nodes * whole / taken


def stops_paying(model, network, faster, shared_batch):
    """The most nodes, up to 256, of which each is worth half a node and more."""
    return max(nodes for nodes in (2 ** k for k in range(9))
               if speedup(model, nodes, network, faster, shared_batch) >= nodes / 2)


def draw(path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts = [2 ** k for k in range(9)]
    figure, panels = pyplot.subplots(2, 2, figsize=(10, 7.5), sharex=True, sharey=True, layout="constrained")
    for row, faster in zip(panels, (1, 16)):
        for axes, (name, network) in zip(row, NETWORKS.items()):
            for colour, (title, model) in enumerate(MODELS.items()):
                for shared, style in ((False, "-"), (True, ":")):
                    values = [speedup(model, n, network, faster, shared) for n in counts]
                    axes.plot(counts, values, style, color=f"C{colour}", label=None if shared else title)
            axes.plot(counts, counts, color="0.8", zorder=0)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            axes.set_xticks(counts, counts)
            axes.set_yticks(counts, counts)
            axes.grid(color="0.93")
            node = "nodes of two cores" if faster == 1 else f"nodes {faster} times as fast"
            axes.set_title(f"{node}, {name}", loc="left", fontsize=10)
    panels[0][0].legend(frameon=False)
    for axes in panels[1]:
        axes.set_xlabel("nodes")
    for row in panels:
        row[0].set_ylabel("times as fast as one node")
    figure.savefig(path, dpi=110)


def print_limits():
    print("| | " + " | ".join(f"{name}, nodes x {faster}" for faster in (1, 16) for name in NETWORKS) + " |")
    print("|---" * (1 + 2 * len(NETWORKS)) + "|")
    for title, model in MODELS.items():
        cells = [f"{stops_paying(model, network, faster, False)}, {stops_paying(model, network, faster, True)}"
                 for faster in (1, 16) for network in NETWORKS.values()]
        print(f"| {title} | " + " | ".join(cells) + " |")


def images_per_second(build, program, data, ranks, threads, images, batch):
    """Of the second epoch of a run."""
    with tempfile.TemporaryDirectory() as out:
        launcher = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]
        command = [*(launcher if ranks > 1 else []), str(build / "examples" / program), "train", "--data", data,
                   "--epochs", "2", "--limit", str(images), "--batch", str(batch), "--threads", str(threads),
                   "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(pathlib.Path(out) / "history.csv", newline="") as file:
            return float(list(csv.DictReader(file))[-1]["images_per_second"])


def measure(args):
    """Prints the median rate of each case, and the range."""
    for name in args.models:
        rates = {}
        for _ in range(args.rounds):
            for ranks, threads in args.cases:
                rate = images_per_second(args.build, f"cifar10_{name}", args.data, ranks, threads,
                                         args.images, args.batch)
                rates.setdefault((ranks, threads), []).append(rate)
        for (ranks, threads), found in rates.items():
            print(f"{name}: {ranks} x {threads} threads: {statistics.median(found):.0f} images/s "
                  f"({min(found):.0f} to {max(found):.0f})", flush=True)


def case(text):
    ranks, threads = text.split("x")
    return int(ranks), int(threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("draw")
    timing = commands.add_parser("measure")
    timing.add_argument("--models", nargs="+", default=["cnn_rnn", "vgg9", "resnet20"],
                        help="cnn_rnn, vgg9, resnet20")
    timing.add_argument("--cases", nargs="+", type=case, default=[(1, 2), (2, 1)],
                        help="processes x threads of each")
    timing.add_argument("--rounds", type=int, default=3)
    timing.add_argument("--images", type=int, default=2560)
    timing.add_argument("--batch", type=int, default=128)
    timing.add_argument("--data", default="auto")
    timing.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release")
    args = parser.parse_args()
    if args.command == "measure":
        measure(args)
    else:
        draw(SOURCE / "docs" / "scale.png")
        print_limits()


if __name__ == "__main__":
    main()
