"""From figures to ratios. A result is a plain dictionary, as it goes into the JSON file; all figures
are seconds or MiB, of which fewer are better, so a ratio above 1 means that we are ahead."""
import math
import statistics


def summary(contender):
    return {"label": contender.describe(), "figures": contender.figures,
            "median": statistics.median(contender.figures),
            "command": " ".join(contender.command)}


def work(facts):
    """What a call does, in GFLOP or images: with it the seconds of anybody give a rate."""
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
