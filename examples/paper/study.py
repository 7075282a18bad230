"""The study of what recurrence adds to the networks: what is compared, and by which recipe."""
import dataclasses

from paper.grid import MOST_EPOCHS, RECIPE, Row
from paper.runs import Goal, Run

HELD_OUT = 5000
SETTINGS = {setting.key: setting for setting in RECIPE}

PLAIN = {}
CONVOLUTION = {"control": "convolution"}
DENSE = {"control": "dense"}


def joined(join, rnn, **others):
    return {"join": join, "rnn": rnn, **others}


@dataclasses.dataclass(frozen=True)
class Part:
    """Networks that are compared with each other: one recipe, and runs of the same seeds."""
    title: str
    network: str
    recipe: str
    seeds: int
    designs: tuple          # what of a Row makes each of them
    settings: tuple = ()    # changes to the recipe, by their keys
    longer: tuple = ()      # epochs of further runs of the plain network, to compare at equal time
    epochs: int = 30
    until_paper: bool = False

    def row(self, design):
        settings = {"holdout": HELD_OUT, **dict(self.settings)}
        changes = tuple((SETTINGS[key], settings[key]) for key in SETTINGS if key in settings)
        return Row(self.network, recipe=self.recipe, changes=changes, **design)

    def goal(self, row, epochs):
        return Goal(epochs, row.paper.train if self.until_paper else 0)

    def planned(self, out, seeds):
        """All seeds of a design, then those of the next."""
        designs = [(design, self.epochs) for design in self.designs]
        for design, epochs in [*designs, *((PLAIN, epochs) for epochs in self.longer)]:
            row = self.row(design)
            for seed in seeds:
                if seed < self.seeds:
                    yield Planned(Run.at(out / f"{epochs}-epochs", row, seed), self.goal(row, epochs))


@dataclasses.dataclass(frozen=True)
class Planned:
    run: Run
    goal: Goal

    @property
    def key(self):
        return self.run.row.name(), self.goal.epochs, self.run.seed


OTHERS = (PLAIN, CONVOLUTION, joined("tap", "gru"), joined("readout", "gru"), joined("sweep", "irnn"),
          joined("sweep", "gru"))
PAPER = {"recipe": "paper", "epochs": MOST_EPOCHS, "until_paper": True}
DROPOUT = {"settings": (("dropout", 0.5),)}

# Enough to choose designs by, at a third of the time.
SHORT = (PLAIN, CONVOLUTION, joined("sweep", "irnn"), joined("readout", "gru"), joined("tap", "irnn"),
         joined("sweep", "irnn", after="all"), joined("sweep", "gru"), joined("sweep", "irnn", after="1"),
         joined("readout", "irnn"), joined("sweep", "gru", after="all"), joined("sweep", "lstm"),
         joined("tap", "gru"), DENSE, joined("sweep", "convlstm"))

PARTS = {
    "cnn-short": Part("CNN, modern recipe, 10 epochs", "cnn", "modern", 3, SHORT, epochs=10),
    "cnn": Part("CNN, modern recipe", "cnn", "modern", 5,
                (PLAIN, joined("sweep", "irnn"), CONVOLUTION, joined("sweep", "gru"), DENSE,
                 joined("readout", "gru"), joined("readout", "irnn"), joined("tap", "irnn"),
                 joined("tap", "gru"), joined("sweep", "convlstm"),
                 joined("sweep", "irnn", after="all"), joined("tap", "irnn", wavelet="haar")),
                longer=(36, 42)),
    "cnn-paper": Part("CNN, paper's recipe", "cnn", seeds=5,
                      designs=(*OTHERS, DENSE, joined("tap", "irnn")), **PAPER),
    "cnn-dropout": Part("CNN, paper's recipe with dropout", "cnn", seeds=5, designs=(*OTHERS, DENSE),
                        **PAPER, **DROPOUT),
    "resnet20": Part("ResNet-20, modern recipe", "resnet20", "modern", 3, OTHERS),
    "resnet20-paper": Part("ResNet-20, paper's recipe", "resnet20", seeds=3, designs=OTHERS, **PAPER),
    "vgg9": Part("VGGNet-9, modern recipe", "vgg9", "modern", 3, (*OTHERS, DENSE)),
    "vgg9-paper": Part("VGGNet-9, paper's recipe", "vgg9", seeds=3, designs=(*OTHERS, DENSE), **PAPER),
}
