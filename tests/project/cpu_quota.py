"""A program has as many threads as the quota of its container allows, unless told otherwise.

The control groups are files of the test's own, mounted over the real ones where only the program
sees them.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

PROGRAM = """
#include <cnnrnn/core/parallel.hpp>
#include <iostream>
int main(int count, char**) {
  if (count > 1) {
    omp_set_num_threads(count);
  }
  std::cout << cnnrnn::threads();
}
"""
MOUNT = """mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/cpu &&
echo 100000 | tee /sys/fs/cgroup/cpu/cpu.cfs_quota_us > /sys/fs/cgroup/cpu/cpu.cfs_period_us &&
echo 100000 100000 > /sys/fs/cgroup/cpu.max && """


def threads(command, **environment):
    """What the program says behind `command`, without the OMP_NUM_THREADS of the test itself."""
    variables = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command],
        env=variables | environment, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else result.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--eigen", required=True)
    parser.add_argument("--warnings", required=True, type=lambda text: text.split(","))
    parser.add_argument("--compiler", required=True)
    args = parser.parse_args()
    if not shutil.which(args.compiler):
        print(f"skipped: there is no {args.compiler}")
        return SKIPPED
    processors = len(os.sched_getaffinity(0))
    if processors < 2 or threads(MOUNT + "echo works") != "works\n":
        print("skipped: expected two processors and leave to mount files of the test's own")
        return SKIPPED

    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program"
        subprocess.run([args.compiler, "-std=c++20", "-fopenmp", *args.warnings, "-Werror",
                        f"-I{args.source / 'include'}", f"-isystem{args.eigen}", "-x", "c++", "-",
                        "-o", program], input=PROGRAM, text=True, check=True)
        found = {
            "a quota of one processor": (threads(f"{MOUNT} {program}"), 1),
            "OMP_NUM_THREADS": (
                threads(f"{MOUNT} {program}", OMP_NUM_THREADS=str(processors)), processors),
            "omp_set_num_threads": (threads(f"{MOUNT} {program} 2 3 4"), 4),
        }
    failed = [f"{what}: expected {expected} threads, got {got}"
              for what, (got, expected) in found.items() if got != str(expected)]
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
