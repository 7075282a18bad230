"""The networks of the zoo are torchvision's, and milesial's U-Net: a state dict of theirs loads here, every
name and shape of it, gives the same logits, and in training the same gradients and running statistics."""
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
from torch import nn

try:
    import torchvision
except ImportError:
    print("skipped: no torchvision (Debian: python3-torchvision)")
    sys.exit(77)

from safetensors_file import load, save
from unet import UNet

ZOO = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]) / "pytorch" / "zoo"
IMAGES = {"lenet5": (3, 32, 32, 1), "unet": (2, 19, 34, 3), "unet_bilinear": (2, 19, 34, 3)}
USUAL_IMAGES = (2, 64, 64, 3)
NETWORKS = ("lenet5", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "vgg16", "unet",
            "unet_bilinear")
TOO_LARGE_TO_TRAIN = {"vgg16"}
# In training, in double. PyTorch's hard sigmoid takes 1 / 6 in float for its gradient, also in double.
TOLERANCES = {"mobilenet_v3_small": 1e-6}  # else 1e-9


def lenet5():
    """torchvision has none."""
    net = nn.Module()
    net.features = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
                                 nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
    net.classifier = nn.Sequential(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
                                   nn.ReLU(), nn.Linear(84, 10))
    net.forward = lambda x: net.classifier(net.features(x))
    return net


def make_network(name):
    """A network for ten classes, without dropout, whose batch norms do something and whose logits differ."""
    if name == "lenet5":
        return lenet5()
    if name.startswith("unet"):
        return UNet(classes=10, bilinear=name == "unet_bilinear")
    options = {"init_weights": False} if name == "vgg16" else {}
    net = getattr(torchvision.models, name)(weights=None, num_classes=10, **options)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(last.weight, 0, last.in_features ** -0.5)
    return net


def calibrate(net, images):
    """Gives the batch norms statistics that are those of such images, and not of a new network."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.5
    with torch.no_grad():
        for _ in range(4 if norms else 0):
            net.train()(torch.randn_like(images))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum


def nchw(images):
    return images.permute(0, 3, 1, 2)


def channels_last(logits):
    """Logits of pixels, or of whole images as they are."""
    return logits.permute(0, 2, 3, 1) if logits.dim() == 4 else logits


def run(mode, name, state, tensors, folder):
    """What this library makes of a network with this state and of tensors."""
    paths = [f"{folder}/{file}" for file in ("model", "images", "result")]
    save(paths[0], state)
    save(paths[1], tensors)
    subprocess.run([ZOO, mode, name, *paths], check=True)
    return load(paths[2])


def check_inference(name, net, images, folder):
    """Held against PyTorch in double, so that only roundings here count."""
    calibrate(net, nchw(images))
    with torch.no_grad():
        expected = channels_last(net.eval().double()(nchw(images).double()))
        net.float()
    for form, logits in run("infer", name, net.state_dict(), {"images": images}, folder).items():
        worst, largest = (logits - expected).abs().max().item(), expected.abs().max().item()
        print(f"{name}, {form}: largest difference {worst:.1e} of {largest:.2f}")
        assert worst < 1e-4 * max(1, largest), (name, form, worst)


def distance(a, b):
    """The difference of two tensors as a share of their size, in the sense of the 2-norm. The gradient of a
    bias that the next batch norm takes away is 0 but for rounding: its size does not count."""
    return ((a - b).norm() / b.norm().clamp_min(0.01)).item()


def check_training(name, net, images, folder):
    """A step in double, where the two agree to rounding."""
    net = net.double().train()
    images = images.double()
    start = {path: tensor.clone() for path, tensor in net.state_dict().items()}
    output = channels_last(net(nchw(images)))
    upstream = torch.randn(output.shape, dtype=torch.double)
    output.backward(upstream)
    result = run("train", name, start, {"images": images, "upstream": upstream}, folder)
    expected = {"output": output.detach()}
    expected.update((f"gradient/{path}", parameter.grad) for path, parameter in net.named_parameters())
    expected.update((f"model/{path}", tensor) for path, tensor in net.state_dict().items())
    assert result.keys() == expected.keys(), result.keys() ^ expected.keys()
    worst, where = max((distance(result[path].double(), tensor.double()), path)
                       for path, tensor in expected.items())
    print(f"{name}, training: largest distance {worst:.1e}, of {where}")
    assert worst < TOLERANCES.get(name, 1e-9), (name, where, worst)


def check_network(name, folder):
    torch.manual_seed(1)
    net = make_network(name)
    images = torch.randn(IMAGES.get(name, USUAL_IMAGES))
    check_inference(name, net, images, folder)
    if name not in TOO_LARGE_TO_TRAIN:
        check_training(name, net, images, folder)


with tempfile.TemporaryDirectory() as temporary:
    for network in sys.argv[1:] or NETWORKS:
        check_network(network, temporary)
