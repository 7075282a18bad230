"""cifar10_speedrun: a run that was stopped or killed and resumed, or ran on another number of threads, ends
in the same bytes, with every recipe; its last line is accuracy and time; options that do not fit are refused."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from program import EXAMPLES, history, read_safetensors, result, resume_state, run, write_mnist

PROGRAM = "cifar10_speedrun"
LAST_LINE = re.compile(r"\n\d+\.\d\d % in 0 min \d+ s\n$")


def options(data, out, recipe, threads=2):
    return ["--data", data, "--epochs", 3.4, "--batch", 16, "--limit", 64, "--seed", 3, "--checkpoint-every", 1,
            "--threads", threads, "--out", out, *recipe]


def interrupt(data, out, recipe, which):
    """Starts a run and sends it a signal once it has saved something."""
    command = [str(EXAMPLES / PROGRAM), *map(str, options(data, out, recipe))]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not (out / "resume.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(which)
    return process.communicate(timeout=600)[0], process.returncode


def check_recipe(data, folder, *recipe):
    folder.mkdir()
    whole = folder / "whole"
    text = run(PROGRAM, *options(data, whole, recipe, threads=1))
    assert LAST_LINE.search(text) and "14 steps of 16 images" in text, text
    (folder / "last_line").write_text(text.splitlines()[-1])
    assert len(history(whole)) == 4, history(whole)
    for which in (signal.SIGINT, signal.SIGKILL):
        out = folder / which.name
        stopped, code = interrupt(data, out, recipe, which)
        assert code == (130 if which == signal.SIGINT else -which), (code, stopped)
        resumed = run(PROGRAM, "--resume", "--out", out)
        assert "resumed: " in resumed and LAST_LINE.search(resumed), resumed
        assert result(out) == result(whole), f"the run that got {which.name} differs with {recipe}"
        assert resume_state(out) == resume_state(whole)
        assert resumed.splitlines()[-1].split(" in ")[0] == text.splitlines()[-1].split(" in ")[0]


def check_saved(data, out):
    """What the run saved reaches what its last line says, and almost that in bfloat16, of half the size."""
    saved = out / "checkpoint.safetensors"
    text = run(PROGRAM, "evaluate", "--data", data, "--limit", 64, "--checkpoint", saved, "--samples", 2,
               "--out", out)
    last = (out.parent / "last_line").read_text()
    assert f"test accuracy {float(last.split()[0]) / 100:.4f}" in text, (text, last)
    half = out / "half.safetensors"
    assert str(half) in run(PROGRAM, "export", "--checkpoint", saved, "--out", half)
    assert 0.45 < half.stat().st_size / saved.stat().st_size < 0.55
    names = [run(PROGRAM, "predict", "--checkpoint", path, "--top", 1, *sorted((out / "samples").glob("*.png")))
             for path in (saved, half)]
    assert names[0].count(".png: ") == names[1].count(".png: ") == 2, names
    text = run(PROGRAM, "--target", 96, "--seed", 1, "evaluate", "--checkpoint", saved, code=2)
    assert "expected the options of a command behind it, got in front of it --target --seed" in text, text
    text = run("cifar10_cnn_rnn", "evaluate", "--data", data, "--checkpoint", saved, code=1)
    assert "expected a model of cifar10_cnn_rnn, got one of cifar10_speedrun" in text, text
    text = run(PROGRAM, "predict", "--checkpoint", out / "resume.safetensors", out / "samples" / "0.png", code=1)
    assert "resume.safetensors: expected " in text, text


def check_precision(data, folder):
    """A run in bfloat16 ends in the same bytes when it is resumed, keeps its weights in float, and is
    tested as it was trained unless one asks for float."""
    whole, parts = folder / "bfloat16", folder / "bfloat16 in two parts"
    recipe = ("--optimizer", "muon", "--precision", "bfloat16")
    text = run(PROGRAM, *options(data, whole, recipe))
    assert "precision bfloat16" in text and LAST_LINE.search(text), text
    interrupt(data, parts, recipe, signal.SIGINT)
    run(PROGRAM, "--resume", "--out", parts)
    assert result(parts) == result(whole) and resume_state(parts) == resume_state(whole)
    saved = whole / "checkpoint.safetensors"
    assert {tensor[0] for tensor in read_safetensors(saved).values()} <= {"F32", "I64"}
    evaluate = ("evaluate", "--data", data, "--limit", 64, "--checkpoint", saved)
    accuracy = float(text.splitlines()[-1].split()[0]) / 100
    text = run(PROGRAM, *evaluate)
    assert "precision bfloat16" in text and f"test accuracy {accuracy:.4f}" in text, text
    assert "precision float" in run(PROGRAM, *evaluate, "--precision", "float")
    text = run(PROGRAM, "--resume", "--precision", "float", "--out", whole, code=2)
    assert "precision: bfloat16 then, float now" in text, text


def check_refusals(data, folder):
    out = folder / "sgd" / "whole"
    for words, arguments in (
            ("expected sgd, or muon for the target 94", ("--target", 96, "--optimizer", "muon")),
            ("95", ("--target", 93)),
            ("got 3 and rnn none", ("--after", 3)),
            ("holds a run", ("--out", out)),
            ("batch: 16 then, 8 now", ("--resume", "--batch", 8, "--out", out)),
            ("without --resume", ("--resume", "--out", folder / "nothing"))):
        code = 1 if "nothing" in str(arguments) else 2
        text = run(PROGRAM, "--data", data, *arguments, code=code)
        assert words in text, (words, text)
    text = run(PROGRAM, "--data", data, code=2, env={**os.environ, "PMI_SIZE": "2"})
    assert "mpirun: expected one process, got 2" in text, text


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist")
    check_recipe(mnist, folder / "sgd")
    check_saved(mnist, folder / "sgd" / "whole")
    check_recipe(mnist, folder / "muon", "--optimizer", "muon", "--rnn", "irnn", "--after", 3)
    check_saved(mnist, folder / "muon" / "whole")
    text = run(PROGRAM, "--data", mnist, "--target", 96, "--epochs", 0.5, "--batch", 16, "--limit", 64,
               "--out", folder / "96")
    assert LAST_LINE.search(text) and "residual" in text, text
    check_precision(mnist, folder)
    check_refusals(mnist, folder)
print("stopped, killed and resumed runs end in the same bytes")
