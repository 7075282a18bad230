"""Writes the tables as Markdown."""
from comparison.results import best_peer, geometric_mean

TITLES = {
    "train": "Training, images/s at batch 128",
    "infer": "Inference, images/s at batch 128",
    "latency": "Inference on one image, ms",
    "memory": "Peak resident memory of a training run, MiB",
    "scaling": "Training on all threads against one thread, images/s",
    "gemm": "Square matrix products, GFLOP/s",
    "conv2d_forward": "3x3 convolutions, forward, GFLOP/s",
    "conv2d_backward_input": "3x3 convolutions, input gradient, GFLOP/s",
    "conv2d_backward_weight": "3x3 convolutions, weight gradient, GFLOP/s",
}
GUIDE = """\
Each figure is the median over the rounds. In each round, all contenders of a row run one after the other, every time
in a new process. A ratio above 1 means that cnnrnn is ahead; the range is the lowest and the highest ratio of a single
round. The peer is the best contender that ran: PyTorch in each version and layout asked for, oneDNN in the layouts it
chooses itself, Eigen, or cnnrnn on one thread. GFLOP/s count the operations of the direct algorithm, even if a kernel
does fewer. `docs/performance.md` explains the names of the rows."""


def group(found):
    kind = found["name"].split("/")[0]
    return found["part"] if found["part"] in ("scaling", "memory", "gemm") else kind


def shown(found, figure):
    """Formats a figure in the unit of its table."""
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
    lines = [f"## {title}", "", "| | cnnrnn | peer | ratio | range | best peer | share of FMA peak |",
             "|---|---|---|---|---|---|---|", *map(line, results)]
    ratios = [found["ratio"] for found in results if "ratio" in found]
    if len(ratios) > 1:
        lines += ["", f"Geometric mean of the ratios: {geometric_mean(ratios):.2f}. "
                      f"Lowest: {min(ratios):.2f}."]
    return "\n".join(without_empty_share(lines, results))


def without_empty_share(lines, results):
    """Drops the column of the FMA peak from tables where no row has it, such as those of networks."""
    if any("share_of_peak" in found for found in results):
        return lines
    return [text.rsplit("|", 2)[0] + "|" if text.startswith("|") else text for text in lines]


def markdown(machine, results, rounds, seconds):
    groups = {}
    for found in results:
        groups.setdefault(group(found), []).append(found)
    facts = ["| | |", "|---|---|", *(f"| {what} | {which} |" for what, which in machine.items()),
             f"| rounds | {rounds}, of at least {seconds:g} s each |"]
    return "\n\n".join(["# Results of compare.py", GUIDE, "\n".join(facts),
                        *(table(kind, members) for kind, members in groups.items())]) + "\n"
