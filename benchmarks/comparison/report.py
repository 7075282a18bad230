"""Writes the tables of one part as Markdown."""
from comparison import families
from comparison.results import best_peer, columns, geometric_mean, grouped, median_in

TITLES = {
    "train": "Training, images/s",
    "infer": "Inference, images/s",
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
round. A column shows the best setting of a peer: PyTorch and torch.compile in each version and layout asked for,
OpenVINO with each hint, oneDNN in the layouts it chooses itself. The ratio is to the best of all. GFLOP/s count the
operations of the direct algorithm, even if a kernel does fewer. `docs/performance.md` explains the names of the rows."""


def group(found):
    kind = found["name"].split("/")[0]
    return found["part"] if found["part"] in ("scaling", "memory", "gemm") else kind


def shown(found, figure):
    """Formats a figure in the unit of its table."""
    if figure is None:
        return ""
    kind = group(found)
    if kind == "memory":
        return f"{figure:.0f}"
    if kind == "latency" or "work" not in found:
        return f"{1e3 * figure:.2f}"
    rate = found["work"] / figure
    return f"{rate:.4g}" if rate < 1000 else f"{rate:.0f}"


def line(found, peers):
    name = found["name"].split("/", 1)[1]
    figures = [found["ours"]["median"], *(median_in(found, peer) for peer in peers)]
    cells = [name, *(shown(found, figure) for figure in figures)]
    if best := best_peer(found):
        cells += [f"**{found['ratio']:.2f}**", f"{found['least']:.2f} to {found['most']:.2f}",
                  best["label"]]
    else:
        cells += ["", "", ""]
    return "| " + " | ".join([*cells, families.share(found, "share_of_peak")]) + " |"


def table(title, results):
    peers = columns(results)
    heads = ["", "cnnrnn", *peers, "ratio", "range", "best peer", "share of FMA peak"]
    lines = ["## " + title, "", "|" + "|".join(f" {head} " if head else " " for head in heads) + "|",
             "|---" * len(heads) + "|", *(line(found, peers) for found in results)]
    ratios = [found["ratio"] for found in results if "ratio" in found]
    if len(ratios) > 1:
        lines += ["", f"Geometric mean of the ratios: {geometric_mean(ratios):.2f}. "
                      f"Lowest: {min(ratios):.2f}."]
    return "\n".join([*without_empty_share(lines, results), *missing(results)])


def without_empty_share(lines, results):
    """Drops the column of the FMA peak from tables where no row has it, such as those of networks."""
    if any("share_of_peak" in found for found in results):
        return lines
    return [text.rsplit("|", 2)[0] + "|" if text.startswith("|") else text for text in lines]


def missing(results):
    """A line for each reason why a peer is not in some rows."""
    reasons = grouped(((peer, why, found) for found in results
                       for peer, why in found["missing"].items()), lambda entry: entry[:2])
    for (peer, why), entries in reasons.items():
        where = ("" if len(entries) == len(results)
                 else " in " + ", ".join(entry[2]["name"].split("/", 1)[1] for entry in entries))
        yield f"\nNot compared{where}: {peer}: {why}."


def titled(results):
    """The groups of results that share a table, with their titles."""
    several = len({found["threads"] for found in results}) > 1
    for (kind, threads), members in grouped(results, lambda f: (group(f), f["threads"])).items():
        title = TITLES.get(kind) or f"`{kind}`, " + ("GFLOP/s" if "work" in members[0] else "ms")
        yield title + (f", {threads} thread{'s' if threads > 1 else ''}" if several else ""), members


def markdown(machine, results, rounds, seconds):
    facts = ["| | |", "|---|---|", *(f"| {what} | {which} |" for what, which in machine.items()),
             f"| rounds | {rounds}, of at least {seconds:g} s each |"]
    part = results[0]["part"]
    overview = families.summary(results) if part == "shapes" else []
    return "\n\n".join([f"# Results of compare.py: {part}", GUIDE, "\n".join(facts), *overview,
                        *(table(title, members) for title, members in titled(results))]) + "\n"
