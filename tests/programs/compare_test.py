"""compare.py makes the right ratios of what its contenders print, and says what is missing."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["CNNRNN_TESTS_DIR"]).parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from comparison import machine, report, rounds  # noqa: E402
from comparison.cases import Row  # noqa: E402
from comparison.contenders import Contender, Ours, our_case  # noqa: E402
from comparison.results import result  # noqa: E402


class Slow(Contender):
    """Prints 3, 4, 5 ... times what it is told, one after the other."""

    def read(self, output):
        return {"seconds": json.loads(output)["seconds"] * (3 + len(self.figures))}


def echo(make, label, document):
    return make(label, ["echo", json.dumps(document)], 1)


def our_report(seconds, gflops):
    return {"context": {"fma_peak_gflops": "10", "core_to_core_ns": "40.5"},
            "benchmarks": [{"real_time": 1e3 * seconds, "time_unit": "ms", "GFLOPS": gflops}]}


def ratios_are_of_medians():
    row = Row("kernels", "conv2d_forward/8/2/2", echo(Ours, "ours", our_report(0.5, 4)),
              [echo(Slow, "slow", {"seconds": 0.5}), echo(Contender, "hopeless", {"seconds": 9}),
               Contender("absent", ["/nowhere/to/be/found"], 1),
               Contender("broken", ["sh", "-c", "echo why >&2; exit 3"], 1)])
    rounds.run_rounds([row], 3, "")
    found = result(row, row.ours.fma_peak)
    assert found["ours"]["figures"] == [0.5] * 3, found
    assert (found["best"], found["ratio"]) == ("slow", 4), found
    assert (found["least"], found["most"]) == (3, 5), found
    assert found["share_of_peak"] == 0.4, found
    assert machine.core_to_core([row]) == "40 ns, 40 to 40 in the run", machine.core_to_core([row])
    assert [len(peer["figures"]) for peer in found["peers"]] == [3, 2], found
    assert found["missing"] == {"absent": "/nowhere/to/be/found: No such file or directory",
                                "broken": "why"}, found
    table = report.table("conv2d_forward", [found])
    assert "| 8/2/2 | 4 | 1 | **4.00** | 3.00 to 5.00 | slow | 0.40 |" in table, table


def a_row_without_peers_says_why():
    row = Row("gemm", "gemm/8", echo(Ours, "ours", our_report(1, 1)),
              [Contender("Eigen", ["false"], 1)])
    rounds.run_rounds([row], 1, "")
    table = report.table("gemm", [result(row, 10)])
    assert "| 8 | 1 | | | | missing: Eigen: exit code 1 | 0.10 |" in table, table


def a_name_is_not_a_pattern():
    command = our_case("train_bench", "train/cnn+lstm", 1, 1).command
    assert r"--benchmark_filter=^train/cnn\+lstm$" in command, command


def the_program_writes_tables_and_figures():
    if not (BUILD / "benchmarks" / "kernels_bench").exists():
        print("no benchmarks in this build")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "new" / "table.md"
        subprocess.run([sys.executable, ROOT / "benchmarks" / "compare.py", "--build", BUILD,
                        "--parts", "gemm", "--filter", "gemm/8$", "--rounds", "1",
                        "--seconds", "0.01", "--threads", "1", "--output", table], check=True)
        assert "## Square matrix products" in table.read_text()
        figures = json.loads(table.with_suffix(".json").read_text())
        assert figures["machine"]["threads"] == 1
        assert figures["results"][0]["name"] == "gemm/8"


ratios_are_of_medians()
a_row_without_peers_says_why()
a_name_is_not_a_pattern()
the_program_writes_tables_and_figures()
