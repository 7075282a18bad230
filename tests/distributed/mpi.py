"""How the tests start processes with mpirun."""
import os
import subprocess


def mpirun(launcher, ranks):
    """The command in front of a program. Open MPI neither likes root nor more processes than cores, binds
    each process to a core of its own choice, and kills what has not ended a second after Ctrl-C, in which
    a machine that is busy may not make a batch."""
    version = subprocess.run([launcher, "--version"], capture_output=True, text=True, check=False).stdout
    if "Open MPI" not in version and "OpenRTE" not in version:
        return [launcher, "-n", str(ranks)]
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return [launcher, *root, "--oversubscribe", "--bind-to", "none",
            "--mca", "mpi_yield_when_idle", "1",
            "--mca", "odls_base_sigkill_timeout", "30", "-n", str(ranks)]
