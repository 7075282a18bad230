"""The networks of zoo_bench in PyTorch: torchvision's, and two that it does not have."""
import torch
from torch import nn


def torchvision_network(name):
    def make():
        import torchvision
        return getattr(torchvision.models, name)(weights=None)

    return make


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


def double_conv(channels, middle, width):
    layers = []
    for before, after in ((channels, middle), (middle, width)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after),
                   nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Ronneberger et al. 2015 with padding and batch norm, for images that can be halved four times."""

    def __init__(self, bilinear=False, channels=3, classes=2):
        super().__init__()
        narrow = 2 if bilinear else 1  # interpolation does not halve the channels
        downs, ups, joins = [], [], []
        for width in (128, 256, 512, 1024):
            out = width // narrow if width == 1024 else width
            downs.append(nn.Sequential(nn.MaxPool2d(2), double_conv(width // 2, out, out)))
        for width in (1024, 512, 256, 128):
            out = 64 if width == 128 else width // 2 // narrow
            ups.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True) if bilinear
                       else nn.ConvTranspose2d(width, width // 2, 2, stride=2))
            joins.append(double_conv(width, width // 2 if bilinear else out, out))
        self.first = double_conv(channels, 64, 64)
        self.downs, self.ups, self.joins = map(nn.ModuleList, (downs, ups, joins))
        self.last = nn.Conv2d(64, classes, 1)

    def forward(self, x):
        maps = [self.first(x)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up, join in zip(self.ups, self.joins):
            x = join(torch.cat([maps.pop(), up(x)], 1))
        return self.last(x)


NETWORKS = {
    "lenet5": lenet5,
    "unet": UNet,
    "unet_bilinear": lambda: UNet(bilinear=True),
    **{name: torchvision_network(name)
       for name in ("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "vgg16")},
}


def image(name):
    """Channels, height and width."""
    if name == "lenet5":
        return 1, 32, 32
    return (3, 128, 128) if name.startswith("unet") else (3, 224, 224)


def batch_size(kind, name):
    if name.startswith("unet"):
        return 4
    return 32 if kind == "infer" else 8
