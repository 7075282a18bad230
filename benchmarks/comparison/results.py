"""Turns figures into ratios. A result is a plain dictionary and goes into the JSON file as it is.
Figures are seconds or MiB: less is better, so a ratio of peer to cnnrnn above 1 means that cnnrnn is
ahead."""
import math
import statistics


def summary(contender):
    return {"label": contender.describe(), "column": contender.column or contender.label,
            "figures": contender.figures, "median": statistics.median(contender.figures),
            "command": " ".join(contender.command)}


def work(facts):
    """The work of one call, in GFLOP or images. Divided by any contender's seconds, it gives a rate."""
    for counter in ("GFLOPS", "items_per_second"):
        if counter in facts:
            return {"counter": counter, "work": facts[counter] * facts["seconds"]}
    return {}


def shares(row, found, fma_peak):
    """How near the median comes to the two lines of the roofline, the FMA peak and a copy."""
    median = found["ours"]["median"]
    result = {}
    if found.get("counter") == "GFLOPS":
        result["share_of_peak"] = found["work"] / median / fma_peak
    if "copy" in row.ours.facts:
        result["share_of_copy"] = row.ours.facts["copy"] * row.ours.facts["seconds"] / median
    return result


def check_batch(row):
    """Compares only contenders that did the same work."""
    facts = row.ours.facts
    if "items_per_second" not in facts:
        return
    ours = facts["items_per_second"] * facts["seconds"]  # two clocks, so almost a whole number
    for peer in row.peers:
        theirs = peer.facts.get("images", ours)
        if abs(theirs - ours) > 0.1 * ours and not peer.failure:
            peer.failure = f"expected a batch of {ours:.0f}, got {theirs}"


def result(row, fma_peak):
    check_batch(row)
    ran = [peer for peer in row.peers if peer.figures and not peer.failure]
    ours = summary(row.ours)
    found = {"part": row.part, "name": row.name, "threads": row.ours.threads, "ours": ours,
             "peers": [summary(peer) for peer in ran],
             "missing": {peer.label: peer.failure for peer in row.peers if peer.failure},
             **work(row.ours.facts)}
    found.update(shares(row, found, fma_peak))
    if ran:
        best = min(found["peers"], key=lambda peer: peer["median"])
        pairs = [theirs / own for theirs, own in zip(best["figures"], ours["figures"])]
        found.update(best=best["label"], ratio=best["median"] / ours["median"],
                     least=min(pairs), most=max(pairs))
    return found


def best_peer(found):
    return next((peer for peer in found["peers"] if peer["label"] == found.get("best")), None)


def columns(results):
    """The peers that any of the results has."""
    return list(dict.fromkeys(peer["column"] for found in results for peer in found["peers"]))


def median_in(found, column):
    """The best median of the contenders of a column, or None."""
    return min((peer["median"] for peer in found["peers"] if peer["column"] == column), default=None)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def grouped(items, key):
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
