"""Two ranks in two network namespaces, as on two machines: they talk over TCP, and end in the same bytes as
one process. For Open MPI, as root.

usage: namespaces.py MPIRUN PROGRAM"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from mpi import mpirun

SKIPPED = 77
ADDRESSES = ("10.77.0.1", "10.77.0.2")


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


def connect(names, cables):
    """Two namespaces with a cable between them."""
    for name in names:
        ip("netns", "add", name)
    ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
    for name, cable, address in zip(names, cables, ADDRESSES):
        ip("link", "set", cable, "netns", name)
        ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
        ip("-n", name, "link", "set", cable, "up")
        ip("-n", name, "link", "set", "lo", "up")


def agent_for(names, path):
    """What mpirun starts instead of ssh: `agent HOST COMMAND`."""
    path.write_text(f"""#!/bin/bash
host=$1
shift
[[ $host == {ADDRESSES[0]} ]] && name={names[0]} || name={names[1]}
exec ip netns exec $name bash -c "$*"
""")
    path.chmod(0o755)
    return path


def lines(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (command, done.returncode, done.stdout, done.stderr)
    return sorted(set(done.stdout.splitlines()))


def sent(name, cable):
    """Bytes that a namespace has sent."""
    return int(ip("netns", "exec", name, "cat", f"/sys/class/net/{cable}/statistics/tx_bytes").stdout)


launcher, program = sys.argv[1:]
alone = mpirun(launcher, 1)
if os.geteuid() != 0 or not shutil.which("ip") or "--oversubscribe" not in alone:
    print("skipped: needs root, ip (Debian: iproute2) and Open MPI")
    sys.exit(SKIPPED)
ends = [f"mpi{end}{os.getpid()}" for end in "ab"]
with tempfile.TemporaryDirectory() as folder:
    try:
        try:
            connect(ends, ends)
        except subprocess.CalledProcessError as error:
            print(f"skipped: no network namespaces here: {error.stderr.strip()}")
            sys.exit(SKIPPED)
        agent = agent_for(ends, pathlib.Path(folder) / "agent")
        tcp = ["--mca", "plm_rsh_agent", str(agent), "--mca", "btl", "tcp,self",
               "--mca", "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24",
               "-host", ",".join(f"{address}:1" for address in ADDRESSES), "-x", "OMP_NUM_THREADS"]
        before = sent(ends[0], ends[0])
        apart = lines(["ip", "netns", "exec", ends[0], *mpirun(launcher, 2), *tcp, program])
        volume = sent(ends[0], ends[0]) - before
    finally:
        for end in ends:
            ip("netns", "del", end, check=False)
assert volume > 50_000, f"only {volume} bytes went over the cable"
assert apart == lines([*alone, program]), "ranks in two namespaces differ from one"
print(f"same bytes over TCP, of which a rank sent {volume}")
