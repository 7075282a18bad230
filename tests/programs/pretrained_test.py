"""The trained network of the project knows a cat, and CIFAR-10's test images where they are present."""
import os
import pathlib
import re

from program import run

PRETRAINED = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "examples" / "pretrained"
WEIGHTS = PRETRAINED / "cifar10_94.safetensors"

assert WEIGHTS.stat().st_size <= 5_000_000
text = run("cifar10_speedrun", "predict", "--checkpoint", WEIGHTS, PRETRAINED / "cat.jpg")
assert re.search(r"cat\.jpg: cat [89]\d", text), text

data = os.environ.get("CNNRNN_DATA_DIR")
if data and list(pathlib.Path(data).glob("**/test_batch.bin")):
    promised = float(re.search(r"reaches ([0-9.]+) %", (PRETRAINED / "README.md").read_text()).group(1))
    text = run("cifar10_speedrun", "evaluate", "--checkpoint", WEIGHTS, "--data", data)
    accuracy = 100 * float(re.search(r"test accuracy ([0-9.]+)", text).group(1))
    assert abs(accuracy - promised) < 0.1, (accuracy, promised)
    print(f"{accuracy:.2f} % of the test images")
print("a cat is a cat")
