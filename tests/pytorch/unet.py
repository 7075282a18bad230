"""U-Net as milesial/Pytorch-UNet builds it, by the names of its parts."""
import torch
import torch.nn.functional as F
from torch import nn


class DoubleConv(nn.Module):
    def __init__(self, channels, width, middle=None):
        super().__init__()
        middle = middle or width
        self.double_conv = nn.Sequential(
            nn.Conv2d(channels, middle, 3, padding=1, bias=False), nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True), nn.Conv2d(middle, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(channels, width))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, channels, width, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(channels, width, channels // 2)
        else:
            self.up = nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)
            self.conv = DoubleConv(channels, width)

    def forward(self, x, beside):
        x = self.up(x)
        rows, columns = beside.shape[2] - x.shape[2], beside.shape[3] - x.shape[3]
        x = F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.conv(torch.cat([beside, x], 1))


class OutConv(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.conv = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, channels=3, classes=2, bilinear=False):
        super().__init__()
        narrow = 2 if bilinear else 1
        self.inc = DoubleConv(channels, 64)
        self.down1, self.down2, self.down3 = Down(64, 128), Down(128, 256), Down(256, 512)
        self.down4 = Down(512, 1024 // narrow)
        self.up1 = Up(1024, 512 // narrow, bilinear)
        self.up2 = Up(512, 256 // narrow, bilinear)
        self.up3 = Up(256, 128 // narrow, bilinear)
        self.up4 = Up(128, 64, bilinear)
        self.outc = OutConv(64, classes)

    def forward(self, x):
        maps = [self.inc(x)]
        for down in (self.down1, self.down2, self.down3, self.down4):
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up in (self.up1, self.up2, self.up3, self.up4):
            x = up(x, maps.pop())
        return self.outc(x)
