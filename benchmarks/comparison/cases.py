"""Which cases are compared, and with which peers. Cases have the names of cnnrnn's own benchmarks: a
new benchmark is compared as soon as a peer knows its name."""
import dataclasses
import pathlib
import re
import subprocess
import sys

from comparison.contenders import Contender, our_case

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
PARTS = ("models", "zoo", "memory", "scaling", "kernels", "gemm", "shapes")
# Settings of PyTorch. Its own kernels for recurrent layers are faster than oneDNN's at some sizes.
LAYOUTS = ("nchw", "channels_last")
KERNELS = ("nchw", "nchw --without-onednn")
MEMORY_STEPS = 20


@dataclasses.dataclass
class Row:
    part: str
    name: str
    ours: object
    peers: list


class Cases:
    """Makes the rows of each part of the comparison, for one number of threads."""

    def __init__(self, build, pythons, threads, seconds, random=""):
        self.programs = pathlib.Path(build) / "benchmarks"
        self.options = {"shapes_bench": [f"--random={random}"] if random else []}
        self.pythons, self.threads, self.seconds = pythons, threads, seconds

    def rows(self, part):
        return getattr(self, part)()

    def models(self):
        return self.networks("models", "train_bench")

    def zoo(self):
        return self.networks("zoo", "zoo_bench")

    def memory(self):
        return [self.against_torch("memory", program, name, LAYOUTS)
                for program in ("train_bench", "zoo_bench")
                for name in self.names(program, "memory")]

    def scaling(self):
        rows = []
        for name in self.names("train_bench", "train") if self.threads > 1 else []:
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
            rows.append(self.against_torch("kernels", "kernels_bench", name,
                                           LAYOUTS if images else KERNELS))
        return rows

    def gemm(self):
        return [Row("gemm", name, self.kernel(name),
                    [our_case(self.programs / "kernels_bench", f"eigen_{name}", self.threads,
                              self.seconds, "Eigen")])
                for name in self.names("kernels_bench", "gemm")]

    def shapes(self):
        return [self.against_torch("shapes", "shapes_bench", name,
                                   LAYOUTS if name.startswith("conv") else KERNELS)
                for name in self.names("shapes_bench", ".*")]

    def names(self, program, kinds):
        """The cases of a cnnrnn benchmark whose name, up to the first slash, matches `kinds`."""
        path = self.programs / program
        if not path.exists():
            sys.exit(f"{path} is missing: build the target {program}, or name the build with --build")
        listed = subprocess.run([path, *self.options.get(program, []), "--benchmark_list_tests=true"], check=True,
                                capture_output=True, text=True).stdout.split()
        return [name for name in listed if re.fullmatch(kinds, name.split("/")[0])]

    def kernel(self, name):
        return our_case(self.programs / "kernels_bench", name, self.threads, self.seconds)

    def onednn(self, name):
        command = [str(self.programs / "onednn_bench"), str(self.seconds), name]
        return Contender("oneDNN", command, self.threads, column="oneDNN")

    def networks(self, part, program):
        """Networks, which PyTorch also compiles, and which inference runtimes run too."""
        rows = []
        for name in self.names(program, "train|infer|latency"):
            row = self.against_torch(part, program, name, LAYOUTS)
            row.peers += [self.torch(python, name, f"{layout} --compile")
                          for python in self.pythons for layout in LAYOUTS]
            row.peers += [self.runtime(python, name, column, setting)
                          for python in self.pythons
                          for column, setting in self.runtime_settings(name)]
            rows.append(row)
        return rows

    def runtime_settings(self, name):
        if name.startswith("train/"):
            return
        yield "ONNX Runtime", "onnxruntime"
        yield "OpenVINO", "openvino_latency"
        # With one image or one thread, there is nothing to run side by side.
        if name.startswith("infer/") and self.threads > 1:
            yield "OpenVINO", "openvino_throughput"

    def runtime(self, python, name, column, setting):
        command = [python, str(PEERS / "runtime_bench.py"), name, f"--setting={setting}",
                   f"--threads={self.threads}", f"--seconds={self.seconds}"]
        return Contender(f"{column} of {python}", command, self.threads, column=column)

    def torch(self, python, name, setting, memory=False):
        column = "torch.compile" if "--compile" in setting else "PyTorch"
        layout, *options = setting.split()
        command = [python, str(PEERS / "torch_bench.py"), name, f"--layout={layout}",
                   f"--seconds={0 if memory else self.seconds}",
                   f"--calls={MEMORY_STEPS if memory else 2}", *options]
        return Contender(f"{column} of {python}, {setting}", command, self.threads, memory, column)

    def against_torch(self, part, program, name, settings):
        ours = our_case(self.programs / program, name, self.threads, self.seconds,
                        options=self.options.get(program, []))
        case = name.split("/iterations:")[0]
        peers = [self.torch(python, case, setting, ours.measures_memory)
                 for python in self.pythons for setting in settings]
        return Row(part, case, ours, peers)
