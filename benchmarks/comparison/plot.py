"""Draws the ratios of one part: a dot for each peer of each row or, where cases are many, for each case
of each family."""
from comparison import families
from comparison.results import columns, geometric_mean, grouped, median_in

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:purple", "tab:brown", "tab:pink")


def plot(results, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = [found for found in results if "ratio" in found]
    if not drawn:
        return
    figure = (by_family if drawn[0]["part"] == "shapes" else by_row)(pyplot, drawn)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def logarithmic(axes, label):
    """A logarithmic axis of ratios: twice as fast and half as fast are equally far from 1."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="black", linewidth=1)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel(label)


def name_places(axes, names):
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def legend_above(axes, columns):
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, frameon=False,
                borderaxespad=0.2)


def by_row(pyplot, drawn):
    """A line for each row, from 1 to the ratio to the best peer; the dots are the peers."""
    figure, axes = pyplot.subplots(figsize=(9, 1.8 + 0.24 * len(drawn)), layout="constrained")
    axes.barh(range(len(drawn)), [found["ratio"] - 1 for found in drawn], left=1, height=0.5,
              color=["0.8" if found["ratio"] >= 1 else "mistyrose" for found in drawn])
    for colour, column in zip(COLOURS, columns(drawn)):
        dots = [(median_in(found, column) / found["ours"]["median"], place)
                for place, found in enumerate(drawn) if median_in(found, column)]
        axes.scatter(*zip(*dots), s=24, color=colour, label=column)
    several = len({found["threads"] for found in drawn}) > 1
    name_places(axes, [found["name"] + (f" ({found['threads']})" if several else "") for found in drawn])
    memory = drawn[0]["part"] == "memory"
    logarithmic(axes, "memory of the peer / memory of cnnrnn" if memory else
                "speed relative to each peer (1: equal); bar: to the best of them")
    legend_above(axes, 6)
    return figure


def by_family(pyplot, drawn):
    """A panel for each direction; a dot is a case, a bar the geometric mean of a family."""
    names = list(grouped(drawn, families.family))
    directions = grouped(drawn, lambda found: families.setting(found)[0])
    counts = sorted({found["threads"] for found in drawn})
    figure, panels = pyplot.subplots(1, len(directions), sharex=True, sharey=True, squeeze=False,
                                     figsize=(10, 1.8 + 0.34 * len(names)), layout="constrained")
    for axes, (direction, members) in zip(panels[0], directions.items()):
        for k, count in enumerate(counts):
            draw_family_dots(axes, [found for found in members if found["threads"] == count], names,
                             0.3 * (k - (len(counts) - 1) / 2), COLOURS[k],
                             f"{count} thread{'s' if count > 1 else ''}")
        name_places(axes, names)
        logarithmic(axes, "speed relative to the best peer (1: equal)")
        axes.set_title(direction, loc="left")
    legend_above(panels[0][-1], len(counts))
    return figure


def draw_family_dots(axes, members, names, shift, colour, label):
    places = [names.index(families.family(found)) + shift for found in members]
    axes.scatter([found["ratio"] for found in members], places, s=14, alpha=0.6, color=colour,
                 linewidths=0, label=label)
    for name, cases in grouped(members, families.family).items():
        axes.scatter(geometric_mean([found["ratio"] for found in cases]), names.index(name) + shift,
                     marker="|", s=120, color=colour, linewidths=2.5)
