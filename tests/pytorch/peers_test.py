"""The peers of benchmarks/compare.py that need nothing but PyTorch compute what they say they do."""
import json
import os
import pathlib
import subprocess
import sys

import torch

PEERS = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "benchmarks" / "peers"
sys.path.insert(0, str(PEERS))

import torch_networks  # noqa: E402
import torch_zoo  # noqa: E402


def the_zoo_has_the_published_sizes():
    for name, count in (("lenet5", 61_706), ("unet", 31_037_698), ("unet_bilinear", 17_263_042)):
        net = torch_zoo.NETWORKS[name]()
        found = sum(parameter.numel() for parameter in net.parameters())
        assert found == count, (name, found)
    with torch.no_grad():
        logits = torch_zoo.UNet()(torch.zeros(1, 3, 16, 32))
    assert logits.shape == (1, 2, 16, 32), logits.shape


def labels_are_of_images_or_of_pixels():
    images = torch_networks.Case.named("latency/unet").random_images()
    assert images.shape == (1, 3, 128, 128), images.shape
    assert torch_networks.random_labels(torch.nn.Conv2d(3, 2, 1), images).shape == (1, 128, 128)
    head = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 128 * 128, 2))
    assert torch_networks.random_labels(head, images).shape == (1,)


def another_output_is_refused():
    expected = torch.tensor([1.0, 100.0])
    for name, most in (("infer/cnn", 0.1), ("infer/cnn/bf16", 10)):
        case = torch_networks.Case.named(name)
        case.check_same(expected, expected + 0.9 * most)
        for other in (expected + 1.1 * most, expected * float("nan")):
            try:
                case.check_same(expected, other)
            except SystemExit as error:
                assert "expected PyTorch's output, got one that differs by" in str(error), error
            else:
                raise AssertionError(f"{other} passed for {expected} in {name}")


def torch_bench(*arguments):
    return subprocess.run([sys.executable, PEERS / "torch_bench.py", "--seconds=0", *arguments],
                          check=False, capture_output=True, text=True)


def torch_bench_prints_a_line_for_each_case():
    run = torch_bench("train/lenet5", "infer/lenet5/bf16", "latency/cnn", "train/lenet5/bf16",
                      "dense/8/16/4/train/bf16", "conv/1x1/2/4/8/8/1x1/1/1/1/forward/bf16",
                      "--layout=channels_last")
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(line["name"], line["images"]) for line in lines[:4]] == [
        ("train/lenet5", 8), ("infer/lenet5/bf16", 32), ("latency/cnn", 1), ("train/lenet5/bf16", 8)], lines
    assert len(lines) == 6, lines
    assert all(line["seconds"] > 0 and line["setting"] == "channels_last" for line in lines), lines
    run = torch_bench("latency/lenet5", "--without-onednn")
    assert json.loads(run.stdout)["setting"] == "nchw, without oneDNN", run.stdout
    run = torch_bench("lstm_train/8/512/32", "--compile")
    assert run.stderr == "torch_bench.py compiles networks, not lstm_train/8/512/32\n", run.stderr
    if not hasattr(torch, "compile"):
        run = torch_bench("latency/cnn", "--compile")
        assert run.stderr == f"PyTorch {torch.__version__} has no torch.compile\n", run.stderr


the_zoo_has_the_published_sizes()
labels_are_of_images_or_of_pixels()
another_output_is_refused()
torch_bench_prints_a_line_for_each_case()
