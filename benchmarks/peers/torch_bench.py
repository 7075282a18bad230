#!/usr/bin/env python3
"""Times PyTorch on cases of train_bench and kernels_bench, under the same names, and prints a line of
JSON for each: the mean seconds of a call. The number of threads is OMP_NUM_THREADS."""
import argparse
import json
import re
import sys
import time

import torch

import torch_kernels
import torch_networks

LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def make_case(name, layout):
    kind, *arguments = name.split("/")
    if kind in torch_networks.CASES:
        return torch_networks.CASES[kind](*arguments, layout)
    if kind not in torch_kernels.CASES:
        sys.exit(f"torch_bench.py knows no case {name}")
    return torch_kernels.CASES[kind](layout, *map(int, arguments))


def mean_seconds(run, seconds, calls):
    """The mean of at least `calls` calls that last at least `seconds`, after a warm-up: PyTorch
    compiles and caches its primitives in the first calls."""
    warm_until = time.perf_counter() + seconds / 4
    run()
    run()
    while time.perf_counter() < warm_until:
        run()
    start = time.perf_counter()
    count = 0
    while count < calls or time.perf_counter() - start < seconds:
        run()
        count += 1
    return (time.perf_counter() - start) / count


def onednn_version():
    found = re.search(r"(?:MKL-?DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    return found.group(1) if found else "none"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="train/cnn, lstm_train/8/512/32, ...")
    parser.add_argument("--layout", choices=LAYOUTS, default="nchw")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--calls", type=int, default=2, help="at least so many are timed")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    for name in args.names:
        run = make_case(name, LAYOUTS[args.layout])
        print(json.dumps({"name": name, "seconds": mean_seconds(run, args.seconds, args.calls),
                          "layout": args.layout, "threads": torch.get_num_threads(),
                          "version": torch.__version__, "onednn": onednn_version()}), flush=True)


if __name__ == "__main__":
    main()
