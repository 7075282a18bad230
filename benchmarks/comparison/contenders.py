"""The contenders. Each is a command that measures one case in a process of its own."""
import dataclasses
import json
import os
import re
import shlex
import subprocess
import tempfile


class Failed(Exception):
    """A contender cannot run. The message is one line that says why."""


@dataclasses.dataclass
class Contender:
    """A command and its figures, one per round: the seconds of a call, or MiB in a memory case.
    `facts` is what else it printed in the last round. The contenders of one column of the tables are
    settings of the same peer; the best of them counts."""

    label: str
    command: list
    threads: int
    measures_memory: bool = False
    column: str = ""
    figures: list = dataclasses.field(default_factory=list)
    facts: dict = dataclasses.field(default_factory=dict)
    failure: str = ""

    def measure(self, wrapper):
        """Runs the command once and keeps its figure. Raises Failed if it cannot run."""
        output, memory = run([*shlex.split(wrapper), *self.command], self.threads)
        self.facts = self.read(output)
        self.figures.append(memory if self.measures_memory else self.facts["seconds"])

    def read(self, output):
        return json.loads(output)

    def describe(self):
        """The column, the version and the setting, as far as the command has printed them."""
        version = self.facts.get("version", "").split("+")[0]
        words = [self.column, version, self.facts.get("setting", "")]
        return " ".join(filter(None, words)) if version else self.label


@dataclasses.dataclass
class Ours(Contender):
    """A case of train_bench or kernels_bench. `fma_peak` is the highest peak that any of its processes
    measured, since a disturbed one measures less. `core_to_core` has the times of all of them."""

    fma_peak: float = 0
    core_to_core: list = dataclasses.field(default_factory=list)

    def read(self, output):
        report = json.loads(output)
        if not report["benchmarks"]:
            raise Failed(f"no such case: {shlex.join(self.command)}")
        case = report["benchmarks"][0]
        unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[case["time_unit"]]
        context = report["context"]
        self.fma_peak = max(self.fma_peak, float(context["fma_peak_gflops"]))
        if "core_to_core_ns" in context:
            self.core_to_core.append(float(context["core_to_core_ns"]))
        return {**case, **context, "seconds": case["real_time"] * unit}


def run(command, threads):
    """Returns the standard output of a command and its peak resident memory in MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        # Only wait4 reports the memory of this process alone.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            lines = errors.read().strip().splitlines()
            raise Failed(lines[-1] if lines else f"exit code {process.returncode}")
        return output.read(), usage.ru_maxrss / 1024


def our_case(program, name, threads, seconds, label="cnnrnn", options=()):
    command = [str(program), *options, f"--threads={threads}", f"--benchmark_filter=^{re.escape(name)}$",
               f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    return Ours(label, command, threads, name.startswith("memory/"))
