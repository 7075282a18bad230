"""classify finds in image files what torchvision's network finds in them behind torchvision's transform."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch

try:
    import torchvision
    from PIL import Image
    from torchvision import transforms
except ImportError:
    print("skipped: no torchvision (Debian: python3-torchvision)")
    sys.exit(77)

from safetensors_file import save

CLASSIFY = pathlib.Path(os.environ["CNNRNN_EXAMPLES_DIR"]) / "classify"
CLASSES = 7
TRANSFORM = transforms.Compose([
    transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])


def write_image(path, width, height):
    """Waves in all colours, and noise."""
    y, x = numpy.mgrid[:height, :width]
    waves = [128 + 60 * numpy.sin(x / (9 + 5 * k) + 2 * numpy.cos(y / (17 - 3 * k))) for k in range(3)]
    noise = numpy.random.default_rng(1).normal(0, 20, (height, width, 3))
    pixels = (numpy.stack(waves, 2) + noise).clip(0, 255).astype(numpy.uint8)
    Image.fromarray(pixels).save(path)
    return path


def make_network(name, images):
    """A network whose statistics are those of the images, and whose classes differ in probability."""
    torch.manual_seed(1)
    net = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5
    with torch.no_grad():
        for _ in range(4):
            net(images + 0.1 * torch.randn_like(images))
        logits = net.eval()(images)
        last = [module for module in net.modules() if isinstance(module, torch.nn.Linear)][-1]
        scale = 2 / logits.std(1).mean()
        last.weight.mul_(scale)
        last.bias.mul_(scale)
    return net


def classify(name, weights, files):
    """The probabilities of each file's classes, by number, in percent."""
    command = [CLASSIFY, "--model", name, "--weights", weights, "--top", str(CLASSES), *files]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = torch.zeros(len(files), CLASSES)
    for row, line in enumerate(lines):
        for entry in line.partition(": ")[2].split(", "):
            _, number, share = entry.split()
            found[row, int(number)] = float(share.rstrip("%"))
    return found


with tempfile.TemporaryDirectory() as folder:
    sizes = ((300, 401), (513, 260), (64, 64))
    paths = [write_image(f"{folder}/{width}.png", width, height) for width, height in sizes]
    batch = torch.stack([TRANSFORM(Image.open(path)) for path in paths])
    for network in ("resnet18", "mobilenet_v3_small"):
        net = make_network(network, batch)
        save(f"{folder}/weights", net.state_dict())
        with torch.no_grad():
            expected = 100 * torch.softmax(net(batch), 1)
        worst = (classify(network, f"{folder}/weights", paths) - expected).abs().max().item()
        print(f"{network}: largest difference {worst:.2f} percentage points of {expected.max():.1f}")
        assert worst < 0.5, (network, worst)
