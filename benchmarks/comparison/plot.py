"""Draws the ratios as a bar chart."""


def plot(results, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = [found for found in results if "ratio" in found]
    places = range(len(drawn))
    ratios = [found["ratio"] for found in drawn]
    whiskers = [[max(0, found["ratio"] - found["least"]) for found in drawn],
                [max(0, found["most"] - found["ratio"]) for found in drawn]]
    names = [found["name"] + (f" ({found['part']})" if found["part"] == "scaling" else "")
             for found in drawn]
    figure, axes = pyplot.subplots(figsize=(9, 1.5 + 0.22 * len(drawn)), layout="constrained")
    axes.barh(places, ratios, xerr=whiskers, height=0.7, ecolor="grey",
              color=["tab:blue" if ratio >= 1 else "tab:red" for ratio in ratios])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set_xlabel("speed relative to the best peer (1: equal speed); whiskers: single rounds")
    figure.savefig(path, dpi=120)
