"""The rows of the paper's Table 1, and the accuracies that it reports."""
import dataclasses
import itertools
import re
import subprocess


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """Accuracies at the end of a training run."""
    train: float
    test: float


@dataclasses.dataclass(frozen=True)
class Network:
    title: str
    program: str
    plain: Accuracies   # what the paper reports
    tapped: Accuracies  # with an RNN, whichever it is


NETWORKS = {
    "cnn": Network("CNN", "cifar10_cnn_rnn", Accuracies(0.932, 0.772), Accuracies(0.891, 0.80)),
    "vgg9": Network("VGGNet-9", "cifar10_vgg9", Accuracies(0.943, 0.769), Accuracies(0.929, 0.782)),
    "resnet20": Network("ResNet-20", "cifar10_resnet20", Accuracies(0.965, 0.789),
                        Accuracies(0.961, 0.812)),
}


PEEPHOLES = {"lstm": ("none", "current"), "convlstm": ("none", "current", "previous")}

MOST_EPOCHS = 40


@dataclasses.dataclass(frozen=True)
class Setting:
    """An option of `train` whose default is the paper's recipe."""
    option: str
    key: str  # in config.json
    default: object
    help: str

    def arguments(self, value):
        if value is True:
            return [self.option]
        return [self.option, f"{value:g}" if isinstance(value, float) else str(value)]


RECIPE = (
    Setting("--holdout", "holdout", 0, "hold out this many training images, of every class in proportion, to test on"),
    Setting("--limit", "limit", 0, "use only this many images of each part, of every class in proportion (0: all)"),
    Setting("--batch", "batch", 128, "images in a batch"),
    Setting("--lr", "learning_rate", 1e-3, "learning rate of Adam"),
    Setting("--schedule", "schedule", "constant", "schedule of the learning rate"),
    Setting("--rnn-l2", "rnn_l2", 1e-4, "weight of the L2 term on recurrent weights"),
    Setting("--clip-norm", "clip_norm", 0.0, "maximum norm of the gradients (0: no limit)"),
    Setting("--augment", "augment", False, "random crops and flips of the training images"),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A network with the settings it is trained with. The runs of a row differ only in their seed."""
    network: str
    rnn: str = "none"
    peepholes: str = "default"
    taps: str = "all"
    wavelet: str = "none"
    changes: tuple = ()  # pairs of a Setting and its value, where that is not the recipe's

    @staticmethod
    def of(config):
        """The row that a run with this config.json belongs to."""
        network = next(name for name, known in NETWORKS.items()
                       if known.program == config["program"])
        model = config["model"]
        return Row(network, model["rnn"], model.get("peepholes", "default"), model["taps"],
                   model["wavelet"], changes(config))

    @property
    def paper(self):
        known = NETWORKS[self.network]
        return known.plain if self.rnn == "none" else known.tapped

    def plain(self):
        """The same network without an RNN, to compare the taps with; as a second choice, also without
        the other changes, except those of the images."""
        images = tuple(change for change in self.changes if change[0].key in ("holdout", "limit"))
        return Row(self.network, changes=self.changes), Row(self.network, changes=images)

    @property
    def held_out(self):
        return any(setting.key == "holdout" for setting, _ in self.changes)

    @property
    def title(self):
        name = NETWORKS[self.network].title
        if self.rnn != "none":
            name += " + " + {"convlstm": "ConvLSTM"}.get(self.rnn, self.rnn.upper())
        return ", ".join([name, *(" ".join(option)[2:] for option in self.options())])

    def options(self):
        """The options, besides the network and its cell, that differ from the defaults."""
        if self.peepholes != "default":
            yield "--peepholes", self.peepholes
        if self.taps != "all":
            yield "--taps", self.taps
        if self.wavelet != "none":
            yield "--wavelet", self.wavelet
        for setting, value in self.changes:
            yield tuple(setting.arguments(value))

    def name(self):
        """A name for a folder, such as cnn+lstm-taps=1-holdout=5000."""
        network = self.network + ("" if self.rnn == "none" else "+" + self.rnn)
        return "-".join([network, *("=".join(option)[2:] for option in self.options())])

    def arguments(self):
        """The arguments of `train`."""
        return ["--rnn", self.rnn, *itertools.chain(*self.options())]

    def sort_key(self):
        return [*NETWORKS].index(self.network), self.rnn != "none", self.name()


def changes(settings):
    return tuple((setting, settings[setting.key]) for setting in RECIPE
                 if settings[setting.key] != setting.default)


def rows(networks, rnns, peepholes, taps, wavelets, settings):
    """The rows of the grid. Without an RNN there is nothing to tap or transform. A cell that has none of
    the peepholes asked for keeps its default."""
    for network, rnn in itertools.product(networks, rnns):
        forms = [form for form in peepholes if form in ("default", *PEEPHOLES.get(rnn, ()))]
        ways = ([("default", "all", "none")] if rnn == "none" else
                itertools.product(forms or ["default"], taps, wavelets))
        for way in ways:
            yield Row(network, rnn, *way, changes(settings))


def choices(program, option):
    """The values that an option of a program's `train` accepts, according to its help."""
    text = subprocess.run([program, "train", "--help"], check=True, capture_output=True,
                          text=True).stdout
    return re.search(rf"{option} TEXT:{{(.*?)}}", text).group(1).split(",")
