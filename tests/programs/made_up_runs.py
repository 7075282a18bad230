"""Folders as `train` leaves them, with histories that nobody has measured."""
import json

HEADER = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second"
CONFIG = {"program": "cifar10_cnn_rnn", "data": "auto", "epochs": 40, "stop_at_train_accuracy": 0.9,
          "model": {"rnn": "none", "wavelet": "none", "taps": "all", "classes": 10}, "batch": 128,
          "learning_rate": 0.001, "schedule": "constant", "rnn_l2": 0.0001, "clip_norm": 0.0,
          "augment": False, "seed": 0, "holdout": 0, "limit": 0}


def write_history(folder, accuracies):
    """Epochs that ended with these pairs of training and test accuracy. They took 10 s each, but the
    last, if there are several, was paused for an hour."""
    folder.mkdir(parents=True)
    rows = [f"{n},1.5,{train},1.25,{test},{3610 if n == len(accuracies) > 1 else 10},5000"
            for n, (train, test) in enumerate(accuracies, 1)]
    (folder / "history.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def write_run(out, accuracies, rnn="none", taps="all", join="", control="", diverged="", **config):
    """A run with the history that write_history makes."""
    model = {**CONFIG["model"], "rnn": rnn, "taps": taps,
             **({"join": join} if join else {}), **({"control": control} if control else {})}
    folder = out / f"run{len(list(out.iterdir()))}"
    write_history(folder, accuracies)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config, "model": model}))
    if diverged:
        (folder / "diverged.txt").write_text(diverged + "\n")
