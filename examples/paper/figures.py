"""Draws figures 4 and 5 of the paper: test accuracy by epoch, with and without an RNN."""
from paper.grid import NETWORKS

# What each figure shows: the network and the RNNs beside it (none given: all that have runs).
FIGURES = {"Figure 4": ("cnn", ("irnn", "convlstm")), "Figure 5": ("vgg9", ())}
COLORS = ("tab:blue", "tab:red", "tab:green", "tab:orange", "tab:purple", "tab:brown", "tab:cyan")


def selected(results, network, rnns):
    return [result for result in results
            if result.row.network == network and not result.row.held_out
            and result.row.join == "tap"
            and (not rnns or result.row.rnn in ("none", *rnns))]


def draw_curves(axes, results):
    for result, color in zip(results, COLORS * len(results)):
        for number, run in enumerate(result.runs):
            history = run.history()
            epochs = [epoch.epoch for epoch in history]
            accuracies = [epoch.test_accuracy for epoch in history]
            label = f"{result.row.title} ({accuracies[-1]:.3f})" if len(result.runs) == 1 else (
                f"{result.row.title} ({result.test:.3f}, {len(result.runs)} seeds)")
            axes.plot(epochs, accuracies, color=color, linewidth=1.5, marker=".", markersize=4,
                      alpha=1 if len(result.runs) == 1 else 0.6,
                      label="" if number else label)
            axes.plot(epochs[-1], accuracies[-1], color=color, marker="o", markersize=8)


def mark_paper(axes, network, right):
    """Marks the final test accuracies of the paper, which does not say how many epochs it trained."""
    known = NETWORKS[network]
    for paper, title, fill in ((known.plain, known.title, "white"),
                               (known.tapped, f"{known.title} + RNN", "black")):
        axes.axhline(paper.test, color="black", linewidth=0.8, linestyle=":")
        axes.plot(right, paper.test, color="black", marker="*", markersize=13, markerfacecolor=fill,
                  linestyle="none", clip_on=False, label=f"end of the paper's {title} ({paper.test:.3f})")


def draw(results, network, name, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    draw_curves(axes, results)
    right = 1 + max(len(run.history()) for result in results for run in result.runs)
    mark_paper(axes, network, right)
    axes.set(xlabel="epoch", ylabel="test accuracy", xlim=(0.5, right),
             title=f"{name}: {NETWORKS[network].title} with and without an RNN")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def draw_all(results, folder):
    """Draws each figure that has runs. Returns pairs of a title and a file."""
    drawn = []
    for name, (network, rnns) in FIGURES.items():
        if found := selected(results, network, rnns):
            path = folder / (name.replace(" ", "").lower() + ".png")
            draw(found, network, name, path)
            drawn.append((f"{name} of the paper, repeated: test accuracy by epoch", path))
    return drawn
