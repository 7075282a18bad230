"""`train` with every network and cell, and what ends, narrows or breaks a run: an accuracy that is
enough, held-out images, a loss that is not finite."""
import json
import pathlib
import signal
import subprocess
import tempfile
import time

from program import (EXAMPLES, PROGRAMS, choices, history, read_safetensors, result, resume_state, run,
                     write_mnist)

CNN = "cifar10_cnn_rnn"


def train(out, *arguments, program=CNN, code=0):
    return run(program, "train", "--batch", 16, "--out", out, *arguments, code=code)


def check_every_network(folder, data):
    for program in PROGRAMS:
        for rnn in choices(program, "--rnn"):
            out = folder / f"{program}-{rnn}"
            text = train(out, "--data", data, "--limit", 32, "--epochs", 1, "--rnn", rnn,
                         program=program)
            assert f"(rnn {rnn})" in text, text
            config = json.loads((out / "config.json").read_text())
            assert (config["program"], config["model"]["rnn"]) == (program, rnn), config
        text = run(program, "evaluate", "--data", data, "--checkpoint", out / "checkpoint.safetensors")
        accuracy = float(history(out)[-1]["test_accuracy"])
        assert f"test accuracy {accuracy:.4f}" in text, (accuracy, text)
    text = train(folder / "cifar10_vgg9-none", "--resume", code=2)
    assert "program: cifar10_vgg9 then, cifar10_cnn_rnn now" in text, text
    text = train(folder / "taps", "--data", data, "--limit", 32, "--epochs", 1, "--rnn", "lstm",
                 "--taps", "2")
    assert "(rnn lstm, taps 2), 2440938 parameters" in text, text


def check_peepholes(folder, data):
    """They are part of the model and of the run; one from before they were a choice has its cell's."""
    out = folder / "peepholes"
    train(out, "--data", data, "--limit", 32, "--epochs", 1, "--rnn", "convlstm", "--peepholes", "none")
    text = run(CNN, "evaluate", "--data", data, "--checkpoint", out / "checkpoint.safetensors")
    assert "(rnn convlstm, peepholes none), 2251626 parameters" in text, text
    assert "peepholes" in train(out, "--resume", "--peepholes", "current", code=2)
    assert "peepholes none" in train(out, "--resume", "--peepholes", "none", "--epochs", 2)

    old = folder / "no-choice"
    train(old, "--data", data, "--limit", 32, "--epochs", 1, "--rnn", "convlstm")
    config = json.loads((old / "config.json").read_text())
    assert config["model"].pop("peepholes") == "default", config
    (old / "config.json").write_text(json.dumps(config))
    assert b"peepholes" not in (old / "resume.safetensors").read_bytes()
    assert "(rnn convlstm), 2253162 parameters" in train(old, "--resume", "--epochs", 2)


def check_joins(folder, data):
    """Every join is part of the model and of the run; a run from before there was a choice has taps."""
    common = ("--data", data, "--limit", 32, "--epochs", 1, "--rnn", "irnn")
    for program, join, size in ((CNN, "sweep", 2189674), ("cifar10_resnet20", "readout", 0),
                                ("cifar10_vgg9", "sweep", 3549642)):
        out = folder / f"{program}-{join}"
        text = train(out, *common, "--join", join, "--dropout", 0.25, program=program)
        assert f"(rnn irnn, join {join}, dropout 0.25)" in text, text
        assert not size or f"{size} parameters" in text, text
        text = run(program, "evaluate", "--data", data, "--checkpoint", out / "checkpoint.safetensors")
        assert f"test accuracy {float(history(out)[-1]['test_accuracy']):.4f}" in text, text
    out = folder / f"{CNN}-sweep"
    text = train(out, "--resume", "--join", "tap", "--dropout", 0, code=2)
    assert "join: sweep then, tap now" in text and "dropout: 0.25 then, 0.0 now" in text, text
    train(out, "--resume", "--epochs", 2)

    old = folder / "only taps"
    train(old, *common)
    config = json.loads((old / "config.json").read_text())
    for key in ("join", "after", "dropout"):
        config["model"].pop(key)
    for key in ("recipe", "optimizer", "momentum", "weight_decay", "label_smoothing"):
        config.pop(key)
    (old / "config.json").write_text(json.dumps(config))
    assert b'"join' not in (old / "resume.safetensors").read_bytes()
    assert "(rnn irnn), 2275818 parameters" in train(old, "--resume", "--epochs", 2)


def check_precision(folder, data):
    """A run in bfloat16 resumes to the same bytes, keeps its weights in float, and is tested as it was
    trained unless one asks for float."""
    common = ("--data", data, "--limit", 32, "--rnn", "lstm", "--precision", "bfloat16")
    out, parts = folder / "bfloat16", folder / "bfloat16 in two parts"
    text = train(out, *common, "--epochs", 2)
    assert "precision bfloat16" in text, text
    train(parts, *common, "--epochs", 1)
    train(parts, "--resume", "--epochs", 2)
    assert result(parts) == result(out)
    assert resume_state(parts) == resume_state(out)
    types = {name: tensor[0] for name, tensor in read_safetensors(out / "checkpoint.safetensors").items()}
    assert set(types.values()) <= {"F32", "I64"}, types
    evaluate = ("evaluate", "--data", data, "--limit", 32, "--checkpoint", out / "checkpoint.safetensors")
    text = run(CNN, *evaluate)
    accuracy = float(history(out)[-1]["test_accuracy"])
    assert "precision bfloat16" in text and f"test accuracy {accuracy:.4f}" in text, text
    assert "precision float" in run(CNN, *evaluate, "--precision", "float")
    newer = folder / "newer.safetensors"
    newer.write_bytes((out / "checkpoint.safetensors").read_bytes().replace(b"bfloat16", b"bfloat24"))
    text = run(CNN, "evaluate", "--data", data, "--checkpoint", newer, code=1)
    assert "expected a precision float or bfloat16, got bfloat24" in text, text
    text = train(out, "--resume", "--precision", "float", code=2)
    assert "precision: bfloat16 then, float now" in text, text


def check_recipes(folder, data):
    """A recipe sets what is not given, and is what its options are."""
    modern = {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 0.05, "rnn_l2": 0.0,
              "schedule": "one-cycle", "label_smoothing": 0.1, "augment": True}
    common = ("--data", data, "--limit", 32, "--epochs", 4, "--rnn", "irnn", "--join", "sweep")
    train(folder / "modern", *common, "--recipe", "modern")
    config = json.loads((folder / "modern/config.json").read_text())
    assert {key: config[key] for key in modern} == modern, config
    train(folder / "spelled out", *common, "--optimizer", "adamw", "--lr", 0.003, "--weight-decay", 0.05,
          "--rnn-l2", 0, "--schedule", "one-cycle", "--label-smoothing", 0.1, "--augment")
    assert result(folder / "spelled out") == result(folder / "modern")
    text = train(folder / "modern", "--resume", "--optimizer", "sgd", code=2)
    assert "optimizer: adamw then, sgd now" in text, text

    train(folder / "mixed", *common, "--recipe", "modern", "--optimizer", "sgd", "--lr", 0.1,
          "--no-augment", "--momentum", 0.8)
    config = json.loads((folder / "mixed/config.json").read_text())
    changed = {"optimizer": "sgd", "learning_rate": 0.1, "augment": False, "momentum": 0.8}
    assert {key: config[key] for key in {**modern, **changed}} == {**modern, **changed}, config
    assert b"Sgd(momentum 0.8" in (folder / "mixed/resume.safetensors").read_bytes()
    assert result(folder / "mixed") != result(folder / "modern")


def kill_in_first_epoch(out, *arguments):
    command = [EXAMPLES / CNN, "train", "--batch", "16", "--out", out, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (out / "resume.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def check_stop_at_train_accuracy(folder, data):
    common = ("--data", data, "--rnn", "lstm")
    train(folder / "all", *common, "--epochs", 4)
    accuracies = [float(row["train_accuracy"]) for row in history(folder / "all")]
    enough = max(accuracies[:2])
    last = next(n for n, accuracy in enumerate(accuracies, 1) if accuracy >= enough)
    train(folder / "short", *common, "--epochs", last)

    stop = ("--epochs", 4, "--stop-at-train-accuracy", enough)
    train(folder / "stop", *common, *stop)
    assert result(folder / "stop") == result(folder / "short")
    config = json.loads((folder / "stop/config.json").read_text())
    assert config["stop_at_train_accuracy"] == enough, config

    kill_in_first_epoch(folder / "killed", *common, *stop, "--checkpoint-every", 1)
    train(folder / "killed", "--resume")
    assert result(folder / "killed") == result(folder / "stop"), "the resumed run differs"

    text = train(folder / "stop", "--resume")
    assert "nothing to do: the training accuracy has reached" in text, text
    train(folder / "stop", "--resume", "--stop-at-train-accuracy", 0)
    assert result(folder / "stop") == result(folder / "all"), "more was asked for"


def check_holdout(folder, data):
    text = train(folder / "held", "--data", data, "--epochs", 1, "--holdout", 16)
    assert "80 training and 16 test images" in text and "held out" in text, text
    kill_in_first_epoch(folder / "held killed", "--data", data, "--epochs", 1, "--holdout", 16,
                        "--checkpoint-every", 1)
    train(folder / "held killed", "--resume", "--threads", 3)
    assert result(folder / "held") == result(folder / "held killed"), "the resumed run differs"
    text = train(folder / "held", "--resume", "--holdout", 0, code=2)
    assert "holdout: 16 then, 0 now" in text, text


def check_classes_in_order(folder):
    """Data sorted by class, which --holdout and --limit must not take some classes out of."""
    data = write_mnist(folder / "sorted", train=300, test=50, by_class=True)
    for option, sizes in (("--holdout", "270 training and 30 test"), ("--limit", "30 training and 30 test")):
        out = folder / f"sorted{option}"
        text = train(out, "--data", data, option, 30, "--epochs", 12)
        assert sizes in text, text
        assert float(history(out)[-1]["test_accuracy"]) > 0.95, history(out)[-1]


def check_divergence(folder, data):
    out = folder / "diverged"
    text = train(out, "--data", data, "--lr", 1e30, code=1)
    note = (out / "diverged.txt").read_text()
    assert "finite" in note and note in text, (note, text)
    train(out, "--data", data, "--epochs", 1, "--overwrite")
    assert not (out / "diverged.txt").exists()


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mnist = write_mnist(folder / "mnist")
    check_every_network(folder, mnist)
    check_peepholes(folder, mnist)
    check_joins(folder, mnist)
    check_precision(folder, mnist)
    check_recipes(folder, mnist)
    check_stop_at_train_accuracy(folder, mnist)
    check_holdout(folder, mnist)
    check_classes_in_order(folder)
    check_divergence(folder, mnist)
print("train does what its options say")
