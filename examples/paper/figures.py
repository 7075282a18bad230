"""Draws figures 4 and 5 of the paper: test accuracy by epoch, with and without an RNN."""
import itertools
import statistics

from paper.grid import NETWORKS

# What each figure shows: the network and the RNNs beside it (none given: all that have runs).
FIGURES = {"Figure 4": ("cnn", ("irnn", "convlstm")), "Figure 5": ("vgg9", ())}
COLORS = ("tab:blue", "tab:red", "tab:green", "tab:orange", "tab:purple", "tab:brown", "tab:cyan")


def selected(results, network, rnns):
    return [result for result in results
            if result.row.network == network and not result.row.held_out
            and result.row.join == "tap"
            and (not rnns or result.row.rnn in ("none", *rnns))]


def mean_and_spread(histories):
    """Of the test accuracies of each epoch, over the runs that went on so long."""
    columns = [[epoch.test_accuracy for epoch in row if epoch]
               for row in itertools.zip_longest(*histories)]
    return ([statistics.fmean(column) for column in columns],
            [statistics.stdev(column) if len(column) > 1 else 0 for column in columns])


def draw_curves(axes, results):
    """A curve for each row: the mean of its runs in a band of one standard deviation, and where each
    run ended."""
    for result, color in zip(results, COLORS * len(results)):
        histories = [run.history() for run in result.runs]
        mean, spread = mean_and_spread(histories)
        epochs = range(1, len(mean) + 1)
        seeds = "" if len(histories) == 1 else f", {len(histories)} seeds"
        axes.plot(epochs, mean, color=color, linewidth=1.5, marker=".", markersize=4,
                  label=f"{result.row.title} ({result.test:.3f}{seeds})")
        axes.fill_between(epochs, [m - s for m, s in zip(mean, spread)],
                          [m + s for m, s in zip(mean, spread)], color=color, alpha=0.2, linewidth=0)
        for history in histories:
            axes.plot(len(history), history[-1].test_accuracy, color=color, marker="o", markersize=6)


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
