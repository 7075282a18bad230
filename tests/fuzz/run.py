#!/usr/bin/env python3
"""Runs the fuzzers on their seed corpus, one at a time or in parallel, and reports the results.

  cmake --preset fuzz && cmake --build --preset fuzz
  tests/fuzz/run.py --seconds 300

Inputs that reach new code are kept in BUILD/fuzz_corpus/READER for the next run. Failing inputs and
logs go to BUILD/fuzz_findings. Prints a row for each reader, as in README.md's table, with a column
for the findings.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
READERS = ["safetensors", "model", "checkpoint", "cifar", "idx", "gzip", "image"]

# AddressSanitizer itself takes most of the resident memory; one allocation must be below 100 MB.
# fuzz.cpp limits the CPU time; this timeout, in wall-clock time, is for inputs on which a reader
# sleeps.
LIMITS = ["-timeout=60", "-rss_limit_mb=512", "-malloc_limit_mb=100"]
ENVIRONMENT = {"ASAN_OPTIONS": "quarantine_size_mb=16:detect_leaks=1", "OMP_NUM_THREADS": "1",
               "UBSAN_OPTIONS": "print_stacktrace=1"}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"default: {' '.join(READERS)}")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/fuzz", help="build folder")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader (default: %(default)s)")
    parser.add_argument("--parallel", type=int, default=1, help="readers at a time (default: %(default)s)")
    parser.add_argument("--max-len", type=int, default=8192, help="largest input in bytes (default: %(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.readers) - set(READERS)
    if unknown:
        parser.error(f"expected readers among {' '.join(READERS)}, got {' '.join(sorted(unknown))}")
    return arguments


def folder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def fuzz(reader, options):
    """Runs one fuzzer; returns its row, and whether it found nothing."""
    findings = folder(options.build / "fuzz_findings")
    learnt = folder(options.build / "fuzz_corpus" / reader)
    command = [options.build / "tests/fuzz" / f"fuzz_{reader}", *LIMITS, f"-max_len={options.max_len}",
               f"-max_total_time={options.seconds}", f"-artifact_prefix={findings}/{reader}-",
               "-print_final_stats=1", learnt, HERE / "corpus" / reader]
    log = findings / f"{reader}.log"
    began = time.monotonic()
    with log.open("w") as out:
        status = subprocess.run(command, stdout=out, stderr=out, env=os.environ | ENVIRONMENT, check=False).returncode
    seconds = time.monotonic() - began
    text = log.read_text(errors="replace")
    runs = re.findall(r"^(?:stat::number_of_executed_units: |#)(\d+)", text, re.MULTILINE)
    edges = re.findall(r" cov: (\d+)", text)
    found = "none" if status == 0 else f"see {log}"
    return f"| {reader} | {seconds:.0f} | {runs[-1] if runs else 0} | {edges[-1] if edges else 0} | {found} |", status == 0


def main():
    options = parse()
    well = True
    print("| reader | seconds | executions | edges | findings |\n|---|---|---|---|---|", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        for row, clean in pool.map(lambda reader: fuzz(reader, options), options.readers or READERS):
            print(row, flush=True)
            well = well and clean
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
