"""compare.py makes the right ratios of what its contenders print, and says what is missing."""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]).parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from comparison import families, machine, plot, processor, report, rounds  # noqa: E402
from comparison.cases import Cases, Row  # noqa: E402
from comparison.contenders import Contender, Ours, our_case  # noqa: E402
from comparison.results import result  # noqa: E402


class Slow(Contender):
    """Prints 3, 4, 5 ... times what it is told, one after the other."""

    def read(self, output):
        return {"seconds": json.loads(output)["seconds"] * (3 + len(self.figures))}


def echo(make, label, document, **options):
    return make(label, ["echo", json.dumps(document)], 1, **options)


def our_report(seconds, **counters):
    return {"context": {"fma_peak_gflops": "10", "core_to_core_ns": "40.5"},
            "benchmarks": [{"real_time": 1e3 * seconds, "time_unit": "ms", **counters}]}


def ratios_are_of_medians():
    row = Row("kernels", "conv2d_forward/8/2/2", echo(Ours, "ours", our_report(0.5, GFLOPS=4, copy=0.7)),
              [echo(Slow, "slow", {"seconds": 0.5}), echo(Contender, "hopeless", {"seconds": 9}),
               Contender("absent", ["/nowhere/to/be/found"], 1),
               Contender("broken", ["sh", "-c", "echo why >&2; exit 3"], 1)])
    rounds.run_rounds([row], 3, "")
    found = result(row, machine.fma_peak([row], 1))
    assert found["ours"]["figures"] == [0.5] * 3, found
    assert (found["best"], found["ratio"]) == ("slow", 4), found
    assert (found["least"], found["most"]) == (3, 5), found
    assert (found["share_of_peak"], found["share_of_copy"]) == (0.4, 0.7), found
    assert machine.core_to_core([row]) == "40 ns, 40 to 40 in the run", machine.core_to_core([row])
    assert [len(peer["figures"]) for peer in found["peers"]] == [3, 2], found
    assert found["missing"] == {"absent": "/nowhere/to/be/found: No such file or directory",
                                "broken": "why"}, found
    table = report.table("Some", [found])
    assert "| | cnnrnn | slow | hopeless | ratio | range | best peer | share of FMA peak |" in table, table
    assert "| 8/2/2 | 4 | 1 | 0.2222 | **4.00** | 3.00 to 5.00 | slow | 0.40 |" in table, table
    assert table.endswith("\nNot compared: broken: why."), table


def a_row_without_peers_says_why():
    rows = [Row("gemm", f"gemm/{size}", echo(Ours, "ours", our_report(1, GFLOPS=rate)), peers)
            for size, rate, peers in ((8, 1, [Contender("Eigen", ["false"], 1)]), (16, 12346, []))]
    rounds.run_rounds(rows, 1, "")
    table = report.table("Products", [result(row, 10) for row in rows])
    assert "| 8 | 1 |  |  |  | 0.10 |" in table, table
    assert "| 16 | 12346 |  |  |  | 1234.60 |" in table, table
    assert "\nNot compared in 8: Eigen: exit code 1." in table, table


def a_column_shows_the_best_setting_of_a_peer():
    def torch(column, layout, seconds):
        return echo(Contender, f"{column} of python3, {layout}", {
            "seconds": seconds, "version": "2.9+cpu", "onednn": "3.1", "setting": layout, "images": 2},
                    column=column)

    row = Row("models", "infer/cnn", echo(Ours, "ours", our_report(0.5, items_per_second=4.04)), [
        torch("PyTorch", "nchw", 2), torch("PyTorch", "channels_last", 4),
        torch("torch.compile", "nchw", 1),
        echo(Contender, "OpenVINO of python3", {"seconds": 0.1, "version": "9", "images": 1},
             column="OpenVINO")])
    rounds.run_rounds([row], 1, "")
    found = result(row, 10)
    table = report.table("Networks", [found])
    assert "| | cnnrnn | PyTorch | torch.compile | ratio | range | best peer |" in table, table
    assert "| cnn | 4.04 | 1.01 | 2.02 | **2.00** | 2.00 to 2.00 | torch.compile 2.9 nchw |" in table, table
    assert "Not compared: OpenVINO of python3: expected a batch of 2, got 1." in table, table
    assert machine.versions([row])["PyTorch"] == "2.9+cpu on oneDNN 3.1", machine.versions([row])


def a_name_is_not_a_pattern():
    command = our_case("train_bench", "train/cnn+lstm", 1, 1).command
    assert r"--benchmark_filter=^train/cnn\+lstm$" in command, command


def every_peer_has_its_settings():
    with tempfile.TemporaryDirectory() as folder:
        programs = pathlib.Path(folder) / "benchmarks"
        programs.mkdir()
        for program, names in (("train_bench", "train/cnn infer/cnn memory/cnn/iterations:20"),
                               ("zoo_bench", "infer/vgg16 latency/vgg16"),
                               ("shapes_bench", "conv/1x1/1/8/4/4/1x1/1/1/1/train dense/1/8/8/train")):
            (programs / program).write_text(f"#!/bin/sh\nprintf '%s\\n' {names}\n")
            (programs / program).chmod(0o755)
        cases = Cases(folder, ["python9"], 2, 0.5)
        train, infer = cases.models()
        batch, one = cases.zoo()
        memory, = cases.memory()
        convolution, dense = cases.shapes()
        alone = Cases(folder, ["python9"], 1, 0.5).zoo()[0]
    assert [peer.label for peer in train.peers] == [
        "PyTorch of python9, nchw", "PyTorch of python9, channels_last",
        "torch.compile of python9, nchw --compile",
        "torch.compile of python9, channels_last --compile"], train.peers
    assert train.peers[3].command[3:] == [
        "--layout=channels_last", "--seconds=0.5", "--calls=2", "--compile"], train.peers[3]

    def runtimes(row):
        return [word for peer in row.peers[4:] for word in peer.command if "setting" in word]

    both = ["--setting=openvino_latency", "--setting=openvino_throughput"]
    assert runtimes(infer) == runtimes(batch) == ["--setting=onnxruntime", *both], runtimes(batch)
    assert runtimes(one) == runtimes(alone) == ["--setting=onnxruntime", both[0]], runtimes(one)
    assert "--threads=2" in one.peers[-1].command, one.peers[-1].command
    assert (memory.name, len(memory.peers)) == ("memory/cnn", 2), memory
    assert [peer.label.split(", ")[1] for row in (convolution, dense) for peer in row.peers] == [
        "nchw", "channels_last", "nchw", "nchw --without-onednn"], (convolution, dense)


def a_missing_runtime_is_named():
    if importlib.util.find_spec("openvino"):
        return
    command = [sys.executable, str(ROOT / "benchmarks" / "peers" / "runtime_bench.py"), "infer/cnn",
               "--setting=openvino_latency"]
    row = Row("models", "infer/cnn", echo(Ours, "ours", our_report(1)),
              [Contender("OpenVINO", command, 1)])
    rounds.run_rounds([row], 1, "")
    failure = row.peers[0].failure
    assert failure == "ModuleNotFoundError: No module named 'openvino'", failure


def made_up(name, threads, ratio, **shares):
    return {"part": "shapes", "name": name, "threads": threads, "ours": {"median": 1},
            "peers": [{"label": "PyTorch 9", "column": "PyTorch", "median": ratio}], "missing": {},
            "best": "PyTorch 9", "ratio": ratio, "least": ratio, "most": ratio, "work": 1, **shares}


SHAPES = [made_up("conv/depthwise/8/112/forward", 1, 2), made_up("conv/depthwise/8/112/forward", 2, 4),
          made_up("conv/depthwise/8/56/forward", 1, 8), made_up("dense/1/64/64/forward", 1, 0.5),
          made_up("dense/1/64/64/train", 1, 0.9, share_of_peak=0.25, share_of_copy=0.81),
          made_up("conv/depthwise/8/56/forward", 2, 1)]


def families_have_means_and_losers_their_roofline():
    table, behind = families.summary(SHAPES)
    assert "| | cases | forward, 1 thread | forward, 2 threads | train, 1 thread |" in table, table
    assert "| conv depthwise | 2 | 4.00 (2.00) | 2.00 (1.00) |  |" in table, table
    assert "| dense | 1 | 0.50 (0.50) |  | 0.90 (0.90) |" in table, table
    assert "| **all** | 3 | 2.00 (0.50) | 2.00 (1.00) | 0.90 (0.90) |" in table, table
    assert behind.splitlines()[-2:] == [
        "| dense/1/64/64/forward | 1 | 0.50 |  |  | PyTorch 9 |",
        "| dense/1/64/64/train | 1 | 0.90 | 0.25 | 0.81 | PyTorch 9 |"], behind
    text = report.markdown({}, SHAPES, 1, 1)
    assert text.index("## By family") < text.index("## `dense`, GFLOP/s, 1 thread"), text
    assert families.setting(made_up("dense/1/64/64/train/bf16", 2, 1)) == ("train/bf16", 2)
    assert families.summary(SHAPES[:1])[1] == "No case is behind its best peer."
    assert families.summary([]) == []
    assert families.family(made_up("conv/1x1/8/56/train", 1, 1)) == "conv 1x1"


def processors_have_readable_names():
    def cpuinfo(**facts):
        return "".join(f"{what.replace('_', ' ')}\t: {value}\n" for what, value in facts.items())

    def intel(model, stepping):
        text = cpuinfo(cpu_family=6, model=model, model_name="Intel(R) Xeon(R)", stepping=stepping)
        return processor.design("vendor_id\t: GenuineIntel\n" + text)

    def amd(family, model):
        text = cpuinfo(cpu_family=family, model=model, model_name="AMD EPYC 9 24-Core Processor")
        return processor.design("processor\t: 0\nvendor_id\t: AuthenticAMD\n" + text)

    assert [amd(23, 49), amd(25, 1), amd(25, 17), amd(25, 97), amd(26, 2)] == [
        "zen2", "zen3", "zen4", "zen4", "zen5"]
    assert amd(99, 0) == "amd_epyc_9_24_core"
    assert [intel(85, 4), intel(85, 7), intel(106, 6), intel(143, 8), intel(207, 2), intel(173, 1)] == [
        "skylake", "cascade_lake", "ice_lake", "sapphire_rapids", "emerald_rapids", "granite_rapids"]
    assert intel(9999, 0) == "intel_xeon"
    arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    assert processor.design(arm) == "neoverse_v1", processor.design(arm)
    assert processor.design("") == processor.slug(os.uname().machine), processor.design("")
    assert processor.this_design()


def plots_are_drawn():
    if not importlib.util.find_spec("matplotlib"):
        print("no matplotlib")
        return
    rows = [{**found, "part": "gemm"} for found in SHAPES]
    with tempfile.TemporaryDirectory() as folder:
        for number, results in enumerate((SHAPES, rows)):
            path = pathlib.Path(folder) / f"{number}.png"
            plot.plot(results, path)
            assert path.read_bytes().startswith(b"\x89PNG"), path
        plot.plot([{"part": "gemm"}], pathlib.Path(folder) / "none.png")
        assert not (pathlib.Path(folder) / "none.png").exists()


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def the_program_writes_tables_and_figures():
    if not (BUILD / "benchmarks" / "kernels_bench").exists():
        print("no benchmarks in this build")
        return
    command = [sys.executable, ROOT / "benchmarks" / "compare.py", "--build", BUILD,
               "--parts", "gemm", "--filter", "gemm/8$", "--rounds", "1", "--seconds", "0.01",
               "--threads", "1"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "new"
        subprocess.run([*command, "--output", folder], check=True)
        table = (folder / "gemm.md").read_text()
        assert "## Square matrix products" in table, table
        figures = json.loads((folder / "gemm.json").read_text())
        assert figures["machine"]["threads"] == "1"
        assert figures["results"][0]["name"] == "gemm/8"
        (folder / "gemm.md").unlink()
        subprocess.run([*command, "--output", folder, "--report-only"], check=True)
        assert (folder / "gemm.md").read_text() == table
        (folder / "gemm.json").unlink()
        empty = subprocess.run([*command, "--output", folder, "--report-only"], check=False,
                               capture_output=True, text=True)
        assert empty.stderr == f"expected gemm.json or the like in {folder}, found none\n", empty.stderr
    before = stamps(ROOT / "docs" / "results")
    subprocess.run(command, check=True)
    assert stamps(ROOT / "docs" / "results") == before, "a part of the cases replaced all results"


ratios_are_of_medians()
a_row_without_peers_says_why()
a_column_shows_the_best_setting_of_a_peer()
a_name_is_not_a_pattern()
every_peer_has_its_settings()
a_missing_runtime_is_named()
families_have_means_and_losers_their_roofline()
processors_have_readable_names()
plots_are_drawn()
the_program_writes_tables_and_figures()
