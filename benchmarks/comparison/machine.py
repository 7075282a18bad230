"""The conditions of a measurement: the machine, the compiler and the versions behind the timings."""
import os
import pathlib
import platform
import re
import statistics
import subprocess


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


def fma_peak(rows):
    return max(row.ours.fma_peak for row in rows)


def core_to_core(rows):
    times = [time for row in rows for time in row.ours.core_to_core]
    if not times:
        return "not measured"
    return f"{statistics.median(times):.0f} ns, {min(times):.0f} to {max(times):.0f} in the run"


def describe(build, source, threads, rows):
    """The facts at the head of a report. The contenders report their own versions."""
    ours = next((row.ours.facts for row in rows if row.ours.facts), {})
    pythons = {f"{facts['version']} on oneDNN {facts['onednn']}"
               for row in rows for peer in row.peers if "onednn" in (facts := peer.facts)}
    onednn = {peer.describe().split()[-1] for row in rows for peer in row.peers
              if peer.label == "oneDNN" and peer.facts}
    return {
        "processor": f"{processor()}, {os.cpu_count()} cores in view",
        "threads": threads,
        "instruction set": ours.get("instruction_set", "unknown"),
        "FMA peak": f"{fma_peak(rows):.0f} GFLOP/s on all threads",
        "core to core": core_to_core(rows),
        "compiler": compiler(build),
        "commit": commit(source),
        "PyTorch": "; ".join(sorted(pythons)) or "not compared",
        "oneDNN": ", ".join(sorted(onednn)) or "not compared",
    }
