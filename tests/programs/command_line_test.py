"""The command line of the example programs: what they print, and one clear line for bad input with
exit code 2 for a wrong command line or option and 1 for the rest."""
import pathlib
import re
import tempfile

from program import PROGRAMS, choices, run, write_mnist

PROGRAM = "cifar10_cnn_rnn"


def check_error(code, words, *arguments):
    text = run(PROGRAM, *arguments, code=code)
    for word in words:
        assert word in text, (arguments, word, text)
    complaint = [line for line in text.splitlines() if not line.startswith("Run with --help")]
    assert len(complaint) == 1, (arguments, text)


def check_usage_errors(data, out):
    check_error(2, ["--unknown"], "train", "--unknown")
    check_error(2, ["subcommand"])
    for value in ("0", "-1", "nan", "inf", "much"):
        check_error(2, ["--lr", value], "train", "--lr", value)
    for option in ("--rnn", "--peepholes", "--wavelet"):
        check_error(2, [option, *choices(PROGRAM, option), "gruu"], "train", option, "gruu")
    for value in ("-0.1", "1.1", "nan"):
        check_error(2, ["--stop-at", value], "train", "--stop-at-train-accuracy", value)
    check_error(2, ["stages from 1 to 2", "got 3"],
                "train", "--data", data, "--rnn", "lstm", "--taps", "3", "--out", out / "new")
    check_error(2, ["peepholes default or none for rnn gru", "got current"],
                "train", "--data", data, "--rnn", "gru", "--peepholes", "current", "--out", out / "new")
    check_error(2, ["expected 1 to 95 images", "got 96"],
                "train", "--data", data, "--holdout", 96, "--out", out / "new")
    check_error(2, ["--epochs", "0"], "train", "--epochs", "0")
    check_error(2, ["--batch"], "train", "--batch", "-3")
    check_error(2, ["--checkpoint"], "evaluate", "--data", data)
    check_error(2, ["holds a run", "--resume"], "train", "--data", data, "--out", out)


def check_bad_files(folder, data, model):
    check_error(1, ["nowhere", "folder"], "train", "--data", folder / "nowhere", "--out", folder / "o")
    (folder / "empty").mkdir()
    check_error(1, ["data_batch_1.bin", "found none"],
                "train", "--data", folder / "empty", "--out", folder / "o")
    short = folder / "short"
    short.mkdir()
    for name in [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]:
        (short / f"{name}.bin").write_bytes(bytes(3073 * 7 + 1))
    check_error(1, ["data_batch_1.bin", "30730000", "21512"],
                "train", "--data", short, "--out", folder / "o")
    assert not (folder / "o").exists(), "a run that could not begin left a folder"

    truncated = folder / "truncated.safetensors"
    truncated.write_bytes(model.read_bytes()[:100_000])
    check_error(1, ["truncated.safetensors", "expected"],
                "evaluate", "--data", data, "--checkpoint", truncated)
    check_error(1, ["missing.safetensors", "No such file"],
                "evaluate", "--data", data, "--checkpoint", folder / "missing.safetensors")
    resume = model.parent / "resume.safetensors"
    check_error(1, ["resume.safetensors", "expected"],
                "evaluate", "--data", data, "--checkpoint", resume)
    text = folder / "text.png"
    text.write_text("no image")
    check_error(1, ["text.png"], "predict", "--checkpoint", model, text)


def check_a_run(folder, data):
    out = folder / "run"
    text = run(PROGRAM, "train", "--data", data, "--epochs", 3, "--batch", 16, "--out", out)
    for words in ("in MNIST's format from", "96 training and 24 test images 32x32x3", "2168554 parameters",
                  "2 threads", "floats", "epoch 3/3"):
        assert words in text, (words, text)
    assert "\r" not in text, "a bar where there is no terminal"
    header = (out / "history.csv").read_text().splitlines()[0]
    assert header == ("epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,"
                      "images_per_second"), header

    model = out / "checkpoint.safetensors"
    text = run(PROGRAM, "evaluate", "--data", data, "--checkpoint", model, "--samples", 3, "--out", out)
    assert re.search(r"^test accuracy [01]\.\d{4}$", text, re.MULTILINE), text
    history = (out / "history.csv").read_text().splitlines()[-1].split(",")
    assert f"test accuracy {float(history[4]):.4f}" in text, (history, text)
    assert len((out / "samples.csv").read_text().splitlines()) == 4
    text = run(PROGRAM, "predict", "--checkpoint", model, out / "samples/0.png",
               out / "samples/1.png", "--top", 2)
    assert re.fullmatch(r"(\S+\.png: \S+ [\d.]+%, \S+ [\d.]+%\n){2}", text), text
    return out


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist")
    finished = check_a_run(folder, mnist)
    check_usage_errors(mnist, finished)
    check_bad_files(folder, mnist, finished / "checkpoint.safetensors")
    for program in PROGRAMS:
        assert "train" in run(program, "--help")
        assert f"runs/{program}" in run(program, "train", "--help")
        assert choices(program, "--rnn")[:2] == ["none", "lstm"]
    for small in ("xor", "custom_op", "quick_start"):
        run(small)
print("the command lines do what they say")
