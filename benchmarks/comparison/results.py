"""Turns figures into ratios. A result is a plain dictionary and goes into the JSON file as it is.
Figures are seconds or MiB: less is better, so a ratio of peer to cnnrnn above 1 means that cnnrnn is
ahead."""
import math
import statistics


def summary(contender):
    return {"label": contender.describe(), "figures": contender.figures,
            "median": statistics.median(contender.figures),
            "command": " ".join(contender.command)}


def work(facts):
    """The work of one call, in GFLOP or images. Divided by any contender's seconds, it gives a rate."""
    for counter in ("GFLOPS", "items_per_second"):
        if counter in facts:
            return {"counter": counter, "work": facts[counter] * facts["seconds"]}
    return {}


def result(row, fma_peak):
    ran = [peer for peer in row.peers if peer.figures and not peer.failure]
    ours = summary(row.ours)
    found = {"part": row.part, "name": row.name, "ours": ours,
             "peers": [summary(peer) for peer in ran],
             "missing": {peer.label: peer.failure for peer in row.peers if peer.failure},
             **work(row.ours.facts)}
    if found.get("counter") == "GFLOPS":
        found["share_of_peak"] = found["work"] / ours["median"] / fma_peak
    if ran:
        best = min(found["peers"], key=lambda peer: peer["median"])
        pairs = [theirs / own for theirs, own in zip(best["figures"], ours["figures"])]
        found.update(best=best["label"], ratio=best["median"] / ours["median"],
                     least=min(pairs), most=max(pairs))
    return found


def best_peer(found):
    return next((peer for peer in found["peers"] if peer["label"] == found.get("best")), None)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))
