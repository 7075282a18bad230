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


JOINS = ("tap", "readout", "sweep")
CONTROLS = ("none", "convolution", "dense")
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
        if isinstance(value, bool):
            return [self.option if value else self.option.replace("--", "--no-", 1)]
        return [self.option, f"{value:g}" if isinstance(value, float) else str(value)]


RECIPE = (
    Setting("--holdout", "holdout", 0, "hold out this many training images, of every class in proportion, to test on"),
    Setting("--limit", "limit", 0, "use only this many images of each part, of every class in proportion (0: all)"),
    Setting("--batch", "batch", 128, "images in a batch"),
    Setting("--shards", "shards", 1, "equal parts of a batch, which processes share"),
    Setting("--sync-batch-norm", "sync_batch_norm", False, "batch norm over all shards of a batch"),
    Setting("--gradients", "gradients", "float", "how gradients travel between processes: float or bf16"),
    Setting("--precision", "precision", "float", "numbers of a network: float or bfloat16"),
    Setting("--optimizer", "optimizer", "adam", "optimizer: sgd, adam or adamw"),
    Setting("--lr", "learning_rate", 1e-3, "learning rate, at its peak"),
    Setting("--momentum", "momentum", 0.9, "momentum of sgd"),
    Setting("--weight-decay", "weight_decay", 0.0, "weight decay"),
    Setting("--schedule", "schedule", "constant", "schedule of the learning rate"),
    Setting("--label-smoothing", "label_smoothing", 0.0, "share of a label spread over all classes"),
    Setting("--dropout", "dropout", 0.0, "dropout in front of the last dense layer"),
    Setting("--rnn-l2", "rnn_l2", 1e-4, "weight decay of recurrent weights, beside that of all"),
    Setting("--clip-norm", "clip_norm", 0.0, "maximum norm of the gradients (0: no limit)"),
    Setting("--augment", "augment", False, "random crops and flips of the training images"),
)


# What each recipe of the programs sets otherwise than the paper's.
RECIPES = {"paper": {},
           "modern": {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 0.05,
                      "rnn_l2": 0.0, "schedule": "one-cycle", "label_smoothing": 0.1,
                      "augment": True}}


@dataclasses.dataclass(frozen=True)
class Row:
    """A network with the settings it is trained with. The runs of a row differ only in their seed."""
    network: str
    rnn: str = "none"
    peepholes: str = "default"
    taps: str = "all"
    wavelet: str = "none"
    changes: tuple = ()  # pairs of a Setting and its value, where that is not the recipe's
    join: str = "tap"
    after: str = "default"
    recipe: str = "paper"
    control: str = "none"

    @staticmethod
    def of(config):
        """The row that a run with this config.json belongs to."""
        network = next(name for name, known in NETWORKS.items()
                       if known.program == config["program"])
        model = config["model"]
        return Row(network, model["rnn"], model.get("peepholes", "default"), model["taps"],
                   model["wavelet"], changes({**model, **config}), model.get("join", "tap"),
                   model.get("after", "default"), config.get("recipe", "paper"),
                   model.get("control", "none"))

    @property
    def paper(self):
        known = NETWORKS[self.network]
        return known.plain if self.rnn == "none" else known.tapped

    def plain(self):
        """The same network without an RNN, to compare the taps with; as a second choice, also without
        the other changes, except those of the images."""
        images = tuple(change for change in self.changes if change[0].key in ("holdout", "limit"))
        return (Row(self.network, changes=self.changes, recipe=self.recipe),
                Row(self.network, changes=images, recipe=self.recipe))

    @property
    def held_out(self):
        return any(setting.key == "holdout" for setting, _ in self.changes)

    @property
    def title(self):
        name = NETWORKS[self.network].title
        if self.rnn != "none":
            name += " + " + {"convlstm": "ConvLSTM"}.get(self.rnn, self.rnn.upper())
            name += "" if self.join == "tap" else " " + self.join
        return ", ".join([name, *(" ".join(option)[2:] for option in self.options())])

    def options(self):
        """The options, besides the network, its cell and how that joins, that differ from the defaults."""
        if self.recipe != "paper":
            yield "--recipe", self.recipe
        if self.control != "none":
            yield "--control", self.control
        if self.after != "default":
            yield "--after", self.after
        if self.peepholes != "default":
            yield "--peepholes", self.peepholes
        if self.taps != "all":
            yield "--taps", self.taps
        if self.wavelet != "none":
            yield "--wavelet", self.wavelet
        for setting, value in self.changes:
            yield tuple(setting.arguments(value))

    def name(self):
        """A name for a folder, such as cnn+lstm-taps=1-holdout=5000 or cnn+gru+sweep."""
        network = self.network + ("" if self.rnn == "none" else "+" + self.rnn)
        network += "" if self.join == "tap" else "+" + self.join
        return "-".join([network, *("=".join(option)[2:] for option in self.options())])

    def arguments(self):
        """The arguments of `train`."""
        join = [] if self.join == "tap" else ["--join", self.join]
        return ["--rnn", self.rnn, *join, *itertools.chain(*self.options())]

    def sort_key(self):
        return [*NETWORKS].index(self.network), self.rnn != "none", self.name()


def value_in(recipe, setting):
    return RECIPES[recipe].get(setting.key, setting.default)


def changes(settings):
    """The settings that are not the recipe's; a run from before one was a choice has the paper's."""
    recipe = settings.get("recipe", "paper")
    values = ((setting, settings.get(setting.key, setting.default)) for setting in RECIPE)
    return tuple((setting, value) for setting, value in values
                 if value != value_in(recipe, setting))


def rows(networks, rnns, controls, joins, after, peepholes, taps, wavelets, settings):
    """The rows of the grid: networks without an RNN with each control, and with each RNN. Without an RNN there is nothing to join, tap or transform, and only taps have
    wavelets. A cell that has none of the peepholes asked for keeps its default."""
    changed, recipe = changes(settings), settings["recipe"]
    for network, rnn in itertools.product(networks, rnns):
        if rnn == "none":
            for control in controls:
                yield Row(network, changes=changed, recipe=recipe, control=control)
            continue
        forms = [form for form in peepholes if form in ("default", *PEEPHOLES.get(rnn, ()))]
        for join, stages in itertools.product(joins, after):
            ways = itertools.product(forms or ["default"], taps if join == "tap" else ["all"],
                                     wavelets if join == "tap" else ["none"])
            for way in ways:
                yield Row(network, rnn, *way, changed, join, stages, recipe)


def choices(program, option):
    """The values that an option of a program's `train` accepts, according to its help."""
    text = subprocess.run([program, "train", "--help"], check=True, capture_output=True,
                          text=True).stdout
    return re.search(rf"{option} TEXT:{{(.*?)}}", text).group(1).split(",")
