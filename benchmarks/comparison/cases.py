"""Which cases are compared, and with which peers. Cases have the names of cnnrnn's own benchmarks: a
new benchmark is compared as soon as a peer knows its name."""
import dataclasses
import pathlib
import re
import subprocess
import sys

from comparison.contenders import OneDnn, Torch, our_case

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
PARTS = ("models", "memory", "scaling", "kernels", "gemm", "shapes")
MEMORY_STEPS = 20


@dataclasses.dataclass
class Row:
    part: str
    name: str
    ours: object
    peers: list


class Cases:
    """Makes the rows of each part of the comparison."""

    def __init__(self, build, pythons, threads, seconds):
        self.programs = pathlib.Path(build) / "benchmarks"
        self.pythons, self.threads, self.seconds = pythons, threads, seconds

    def rows(self, part):
        return getattr(self, part)()

    def models(self):
        return [self.against_torch("models", "train_bench", name, ("nchw", "channels_last"))
                for name in self.names("train_bench", "train|infer|latency")]

    def memory(self):
        return [self.against_torch("memory", "train_bench", name, ("nchw", "channels_last"))
                for name in self.names("train_bench", "memory")]

    def scaling(self):
        rows = []
        for name in self.names("train_bench", "train"):
            program = self.programs / "train_bench"
            alone = our_case(program, name, 1, self.seconds, "one thread")
            rows.append(Row("scaling", name,
                            our_case(program, name, self.threads, self.seconds), [alone]))
        return rows

    def kernels(self):
        rows = [Row("kernels", name, self.kernel(name), [self.onednn(name)])
                for name in self.names("kernels_bench", "conv2d_[a-z_]+")]
        for name in self.names("kernels_bench", "(?!conv2d|linear)[a-z_]+_(forward|train)"):
            images = name.count("/") == 2 or name.startswith("convlstm")
            layouts = ("nchw", "channels_last") if images else ("nchw",)
            rows.append(self.against_torch("kernels", "kernels_bench", name, layouts))
        return rows

    def gemm(self):
        return [Row("gemm", name, self.kernel(name),
                    [our_case(self.programs / "kernels_bench", f"eigen_{name}", self.threads,
                              self.seconds, "Eigen")])
                for name in self.names("kernels_bench", "gemm")]

    def shapes(self):
        return [self.against_torch("shapes", "shapes_bench", name, ("nchw", "channels_last"))
                for name in self.names("shapes_bench", "conv.*")]
        rows = [self.against_torch("shapes", "shapes_bench", name, ("nchw", "channels_last"))
                for name in self.names("shapes_bench", "conv")]
        # Of these layers PyTorch has kernels of its own and oneDNN's; now one is faster, now the other.
        rows += [self.against_torch("shapes", "shapes_bench", name, ("nchw", "nchw --without-onednn"))
                 for name in self.names("shapes_bench", "dense|(lstm|gru|rnn)(_bidirectional)?")]
        return rows

    def names(self, program, kinds):
        """The cases of a cnnrnn benchmark whose name, up to the first slash, matches `kinds`."""
        path = self.programs / program
        if not path.exists():
            sys.exit(f"{path} is missing: build the target {program}, or name the build with --build")
        listed = subprocess.run([path, "--benchmark_list_tests=true"], check=True,
                                capture_output=True, text=True).stdout.split()
        return [name for name in listed if re.fullmatch(kinds, name.split("/")[0])]

    def kernel(self, name):
        return our_case(self.programs / "kernels_bench", name, self.threads, self.seconds)

    def onednn(self, name):
        command = [str(self.programs / "onednn_bench"), str(self.seconds), name]
        return OneDnn("oneDNN", command, self.threads)

    def against_torch(self, part, program, name, layouts):
        ours = our_case(self.programs / program, name, self.threads, self.seconds)
        case = name.split("/iterations:")[0]
        calls = MEMORY_STEPS if ours.measures_memory else 2
        peers = [Torch(f"PyTorch of {python}, {layout}",
                       [python, str(PEERS / "torch_bench.py"), case, *f"--layout={layout}".split(),
                        f"--seconds={0 if ours.measures_memory else self.seconds}",
                        f"--calls={calls}"],
                       self.threads, ours.measures_memory)
                 for python in self.pythons for layout in layouts]
        return Row(part, case, ours, peers)
