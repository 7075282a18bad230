"""How the tests start processes with mpirun."""
import os
import subprocess


def mpirun(launcher, ranks):
    """The command in front of a program. Open MPI neither likes root nor more processes than cores, and
    binds each process to a core of its own choice."""
    version = subprocess.run([launcher, "--version"], capture_output=True, text=True, check=False).stdout
    if "Open MPI" not in version and "OpenRTE" not in version:
        return [launcher, "-n", str(ranks)]
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return [launcher, *root, "--oversubscribe", "--bind-to", "none",
            "--mca", "mpi_yield_when_idle", "1", "-n", str(ranks)]
