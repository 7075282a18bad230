"""The tables, in Markdown."""
from comparison.results import best_peer, geometric_mean

TITLES = {
    "train": "Training, images/s at batch 128",
    "infer": "Inference, images/s at batch 128",
    "latency": "A single image, ms",
    "memory": "Peak resident memory of a training run, MiB",
    "scaling": "A training step on all threads against one, images/s",
    "gemm": "Square matrix products, GFLOP/s",
    "conv2d_forward": "3x3 convolutions, forward, GFLOP/s",
    "conv2d_backward_input": "3x3 convolutions, input gradient, GFLOP/s",
    "conv2d_backward_weight": "3x3 convolutions, weight gradient, GFLOP/s",
}
GUIDE = """Each figure is the median of its rounds, in which all contenders took turns, each time in a new process. The ratio
is above 1 where cnnrnn is ahead; beside it stand the least and the most of a single round. The peer is the best of
those that ran: PyTorch in every version and layout that was asked for, oneDNN in the layouts it chooses itself.
GFLOP/s count the operations of the direct algorithm, whatever a kernel does instead."""


def group(found):
    kind = found["name"].split("/")[0]
    return found["part"] if found["part"] in ("scaling", "memory", "gemm") else kind


def shown(found, figure):
    """A figure in the unit of its table."""
    kind = group(found)
    if kind == "memory":
        return f"{figure:.0f}"
    if kind == "latency" or "work" not in found:
        return f"{1e3 * figure:.2f}"
    return f"{found['work'] / figure:.4g}" if kind == "gemm" else f"{found['work'] / figure:.0f}"


def line(found):
    name = found["name"].split("/", 1)[1]
    own = shown(found, found["ours"]["median"])
    share = f"{found['share_of_peak']:.2f}" if "share_of_peak" in found else ""
    if best := best_peer(found):
        return (f"| {name} | {own} | {shown(found, best['median'])} | **{found['ratio']:.2f}** | "
                f"{found['least']:.2f} to {found['most']:.2f} | {best['label']} | {share} |")
    why = "; ".join(f"{who}: {reason}" for who, reason in found["missing"].items())
    return f"| {name} | {own} | | | | missing: {why} | {share} |"


def table(kind, results):
    title = TITLES.get(kind) or f"`{kind}`, " + ("GFLOP/s" if "work" in results[0] else "ms")
    lines = [f"## {title}", "", "| | cnnrnn | peer | ratio | range | which peer | of the FMA peak |",
             "|---|---|---|---|---|---|---|", *map(line, results)]
    ratios = [found["ratio"] for found in results if "ratio" in found]
    if len(ratios) > 1:
        lines += ["", f"Geometric mean of the ratios {geometric_mean(ratios):.2f}, "
                      f"the least {min(ratios):.2f}."]
    return "\n".join(without_empty_share(lines, results))


def without_empty_share(lines, results):
    """Networks have no share of a peak: their tables go without the column."""
    if any("share_of_peak" in found for found in results):
        return lines
    return [text.rsplit("|", 2)[0] + "|" if text.startswith("|") else text for text in lines]


def markdown(machine, results, rounds, seconds):
    groups = {}
    for found in results:
        groups.setdefault(group(found), []).append(found)
    facts = ["| | |", "|---|---|", *(f"| {what} | {which} |" for what, which in machine.items()),
             f"| rounds | {rounds}, of at least {seconds:g} s each |"]
    return "\n\n".join(["# Measured by compare.py", GUIDE, "\n".join(facts),
                        *(table(kind, members) for kind, members in groups.items())]) + "\n"
