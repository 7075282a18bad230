#!/usr/bin/env python3
"""Times PyTorch on the cases of train_bench, zoo_bench, kernels_bench and shapes_bench, which have the
same names here. Prints a line of JSON per case, with the mean seconds of a call. OMP_NUM_THREADS sets
the number of threads."""
import argparse
import json
import re
import sys
import time

import torch

import torch_kernels
import torch_networks

LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def make_case(name, layout, compile_it):
    kind, *arguments = name.split("/")
    if kind in torch_networks.CASES:
        return torch_networks.CASES[kind](torch_networks.Case.named(name), layout, compile_it)
    if compile_it:
        sys.exit(f"torch_bench.py compiles networks, not {name}")
    if kind in torch_kernels.SHAPED:
        return torch_kernels.SHAPED[kind](layout, *arguments)
    if kind.removesuffix("_bidirectional") in ("lstm", "gru", "rnn"):
        return torch_kernels.shaped_recurrent(kind, layout, *arguments)
    if kind not in torch_kernels.CASES:
        sys.exit(f"torch_bench.py has no case {name}")
    return torch_kernels.CASES[kind](layout, *map(int, arguments))


def mean_seconds(run, seconds, calls):
    """The mean over at least `calls` calls and at least `seconds` seconds, after a warm-up: PyTorch
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


def images_per_call(name):
    if name.split("/")[0] not in torch_networks.CASES:
        return {}
    return {"images": torch_networks.Case.named(name).batch_size()}


def onednn_version():
    found = re.search(r"(?:MKL-?DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    return found.group(1) if found else "none"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME",
                        help="a case, such as train/cnn or lstm_train/8/512/32")
    parser.add_argument("--layout", choices=LAYOUTS, default="nchw")
    parser.add_argument("--without-onednn", action="store_true",
                        help="PyTorch's own kernels where it would call oneDNN")
    parser.add_argument("--compile", action="store_true", help="with torch.compile; networks only")
    parser.add_argument("--seconds", type=float, default=1,
                        help="minimum time of a measurement; default: 1")
    parser.add_argument("--calls", type=int, default=2, help="minimum number of timed calls; default: 2")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    torch.backends.mkldnn.enabled = not args.without_onednn
    setting = args.layout + (", without oneDNN" if args.without_onednn else "")
    for name in args.names:
        run = make_case(name, LAYOUTS[args.layout], args.compile)
        print(json.dumps({"name": name, "seconds": mean_seconds(run, args.seconds, args.calls),
                          "setting": setting, "threads": torch.get_num_threads(),
                          "version": torch.__version__, "onednn": onednn_version(),
                          **images_per_call(name)}), flush=True)


if __name__ == "__main__":
    main()
