"""The conditions of a measurement: the machine, the compiler and the versions behind the timings."""
import os
import pathlib
import platform
import re
import statistics
import subprocess

from comparison.processor import this_design


def first_line(*command):
    try:
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return (lines.splitlines() or [""])[0]


def processor():
    found = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found.group(1) if found else platform.machine()


def compiler(build):
    cache = (pathlib.Path(build) / "CMakeCache.txt").read_text()

    def entry(name):
        found = re.search(rf"^{name}:\w+=(.*)$", cache, re.M)
        return found.group(1) if found else ""

    flags = [entry("CMAKE_BUILD_TYPE"), entry("CMAKE_CXX_FLAGS"),
             "-march=native" if entry("CNNRNN_NATIVE") == "ON" else ""]
    return ", ".join([first_line(entry("CMAKE_CXX_COMPILER"), "--version"), *filter(None, flags)])


def commit(source):
    changed = first_line("git", "-C", source, "status", "--porcelain", "--untracked-files=no")
    return first_line("git", "-C", source, "rev-parse", "--short", "HEAD") + (
        ", with changes" if changed else "")


def fma_peak(rows, threads):
    """GFLOP/s on so many threads."""
    return max((row.ours.fma_peak for row in rows if row.ours.threads == threads), default=0)


def core_to_core(rows):
    times = [time for row in rows for time in row.ours.core_to_core]
    if not times:
        return "not measured"
    return f"{statistics.median(times):.0f} ns, {min(times):.0f} to {max(times):.0f} in the run"


def threads(rows):
    return sorted({row.ours.threads for row in rows})


def versions(rows):
    """What the peers say of themselves, column by column."""
    found = {}
    for row in rows:
        for peer in row.peers:
            if "version" in peer.facts:
                onednn = f" on oneDNN {peer.facts['onednn']}" if "onednn" in peer.facts else ""
                found.setdefault(peer.column, set()).add(peer.facts["version"] + onednn)
    return {column: "; ".join(sorted(versions)) for column, versions in found.items()}


def describe(build, source, rows):
    """The facts at the head of a report. The contenders report their own versions."""
    ours = next((row.ours.facts for row in rows if row.ours.facts), {})
    peaks = ", ".join(f"{fma_peak(rows, count):.0f} on {count} thread{'s' if count > 1 else ''}"
                      for count in threads(rows))
    return {
        "processor": f"{processor()} ({this_design()}), {os.cpu_count()} cores in view",
        "threads": ", ".join(map(str, threads(rows))),
        "instruction set": ours.get("instruction_set", "unknown"),
        "FMA peak, GFLOP/s": peaks,
        "core to core": core_to_core(rows),
        "compiler": compiler(build),
        "commit": commit(source),
        **versions(rows),
    }
