#!/usr/bin/env python3
"""Draws the results of a training run: the curves of history.csv (history.png), and the test images that
`evaluate --samples` wrote, with their predictions (predictions.png)."""
import argparse
import csv
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def draw_history(folder):
    rows = read_table(folder / "history.csv")
    if not rows:
        sys.exit(f"plot.py: expected a finished epoch in {folder / 'history.csv'}, got none")
    epochs = [int(row["epoch"]) for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, quantity in zip(axes, ("loss", "accuracy")):
        for part, marker in (("train", "o"), ("test", "s")):
            values = [float(row[f"{part}_{quantity}"]) for row in rows]
            axis.plot(epochs, values, marker=marker, label=part)
        axis.set(xlabel="epoch", ylabel=quantity, title=quantity)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    save(figure, folder / "history.png")


def draw_predictions(folder):
    rows = read_table(folder / "samples.csv")
    columns = 8
    lines = -(-len(rows) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(1.6 * columns, 2 * lines),
                                layout="constrained", squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, row in zip(axes.flat, rows):
        right = row["label"] == row["prediction"]
        axis.imshow(plt.imread(folder / row["file"]))
        text = f"{row['prediction']} {float(row['probability']):.0%}"
        axis.set_title(text if right else f"{text}\nis {row['label']}", fontsize=8,
                       color="tab:green" if right else "tab:red")
    save(figure, folder / "predictions.png")


def save(figure, path):
    figure.savefig(path, dpi=120)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path, help="the --out folder of a training run")
    folder = parser.parse_args().run
    drawings = {"history.csv": draw_history, "samples.csv": draw_predictions}
    found = [name for name in drawings if (folder / name).is_file()]
    if not found:
        parser.exit(1, f"plot.py: expected history.csv or samples.csv in {folder}, found neither\n")
    for name in found:
        drawings[name](folder)


if __name__ == "__main__":
    main()
