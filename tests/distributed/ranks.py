"""Runs ranks.cpp on 1, 2 and 4 processes: each checks what it can, and the lines that they print, about
bytes of whole runs, must be the same on any number. On 3 there must be an error.

usage: ranks.py MPIRUN PROGRAM [--compile COMMAND]"""
import argparse
import shlex
import subprocess
import sys

from mpi import mpirun


def output(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert result.returncode == 0, (command, result.returncode, result.stdout, result.stderr)
    return sorted(set(result.stdout.splitlines()))


parser = argparse.ArgumentParser()
parser.add_argument("launcher")
parser.add_argument("program")
parser.add_argument("--compile", default="", help="how to make the program first")
args = parser.parse_args()

if args.compile:
    subprocess.run([*shlex.split(args.compile), "-o", args.program], check=True)
lines = {ranks: output([*mpirun(args.launcher, ranks), args.program]) for ranks in (1, 2, 4)}
assert len(lines[1]) == 8, lines[1]  # "four shards" comes twice, from a run that stopped too
for ranks in (2, 4):
    assert lines[ranks] == lines[1], f"1 and {ranks} ranks differ: {lines[1]} and {lines[ranks]}"
output([*mpirun(args.launcher, 3), args.program, "bad"])
print("\n".join(lines[1]), file=sys.stderr)
print("1, 2 and 4 processes end in the same bytes")
