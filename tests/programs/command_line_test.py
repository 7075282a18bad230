"""The command line of the example programs: what they print, and one clear line for bad input with
exit code 2 for a wrong command line or option and 1 for the rest."""
import json
import pathlib
import re
import struct
import tempfile
import zlib

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
    for option in ("--rnn", "--join", "--peepholes", "--wavelet", "--recipe", "--optimizer"):
        check_error(2, [option, *choices(PROGRAM, option), "gruu"], "train", option, "gruu")
    for value in ("-0.1", "1.1", "nan"):
        check_error(2, ["--stop-at", value], "train", "--stop-at-train-accuracy", value)
    check_error(2, ["stages from 1 to 2", "got 3"],
                "train", "--data", data, "--rnn", "lstm", "--taps", "3", "--out", out / "new")
    for value in ("-0.1", "1", "nan"):
        check_error(2, ["--dropout", value], "train", "--dropout", value)
    check_error(2, ["an rnn to join", "rnn none"],
                "train", "--data", data, "--join", "sweep", "--out", out / "new")
    check_error(2, ["after default, all, or stages from 1 to 2", "got 3"],
                "train", "--data", data, "--rnn", "gru", "--join", "sweep", "--after", "3",
                "--out", out / "new")
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


def png(pixels, orientation):
    """A PNG of rows of RGB bytes, with its orientation as EXIF has it."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    exif = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    head = struct.pack(">IIBBBBB", len(pixels[0]) // 3, len(pixels), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"eXIf", exif)
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in pixels))) + chunk(b"IEND", b""))


def check_image_options(folder, model):
    """predict follows the orientation unless told otherwise, and says how to raise the limit."""
    upright = [bytes([7 * y]) * 60 + bytes(36) for y in range(32)]
    turned = [b"".join(row[3 * x:3 * x + 3] for row in reversed(upright)) for x in range(32)]
    for name, pixels, orientation in (("a", upright, 1), ("b", turned, 8), ("c", turned, 1)):
        (folder / f"{name}.png").write_bytes(png(pixels, orientation))

    def predicted(name, *options):
        text = run(PROGRAM, "predict", "--checkpoint", model, "--top", 10, folder / f"{name}.png", *options)
        return text.partition(".png: ")[2]

    assert predicted("a") == predicted("b") != predicted("c")
    assert predicted("b", "--ignore-orientation") == predicted("c")
    check_error(1, ["a.png", "at most 1000 pixels", "--max-image-pixels", "got 32x32"],
                "predict", "--checkpoint", model, folder / "a.png", "--max-image-pixels", 1000)


def check_broken_files(folder, model):
    """predict says which files cannot be read, and goes on."""
    (folder / "broken.png").write_bytes(b"broken")
    text = run(PROGRAM, "predict", "--checkpoint", model, folder / "gone.png", folder / "a.png",
               folder / "broken.png", folder / "c.png", code=1)
    lines = text.splitlines()
    assert len(lines) == 4 and "a.png: " in lines[0] and "c.png: " in lines[1], text
    assert "gone.png: No such file" in lines[2] and "broken.png: expected a PNG" in lines[3], text


def check_image_folder(folder):
    """Files of other kinds than PNG, and the options when a run on them is resumed."""
    for label, name in enumerate(("dark", "light")):
        (folder / "images" / name).mkdir(parents=True)
        pixels = bytes([200 * label]) * 48
        for n in range(3):
            (folder / "images" / name / f"{n}.ppm").write_bytes(b"P6 4 4 255\n" + pixels)
            tga = struct.pack("<3B2HB4HBB", 0, 0, 2, 0, 0, 0, 0, 0, 4, 4, 24, 0) + pixels
            (folder / "images" / name / f"{n}.TGA").write_bytes(tga)
    out = folder / "of images"
    train = ["train", "--data", folder / "images", "--epochs", 1, "--out", out]
    check_error(1, [".TGA", "--max-image-pixels"], *train, "--max-image-pixels", 15)
    text = run(PROGRAM, *train, "--ignore-orientation")
    assert "10 training and 2 test images 32x32x3, 2 classes" in text, text
    predict = ["predict", "--checkpoint", out / "checkpoint.safetensors"]
    stored = [run(PROGRAM, *predict, folder / f"{name}.png").partition(".png: ")[2] for name in "abc"]
    assert stored[0] != stored[1] == stored[2], stored
    for name in "bc":
        run("inspect", *predict[1:], "--image", folder / f"{name}.png", "--out", folder / f"look {name}")
    assert (folder / "look b/image0.png").read_bytes() == (folder / "look c/image0.png").read_bytes()
    evaluate = ["evaluate", "--data", folder / "images", "--checkpoint", out / "checkpoint.safetensors"]
    run(PROGRAM, *evaluate, "--ignore-orientation", "--max-image-pixels", 16)
    check_error(1, [".TGA", "--max-image-pixels"], *evaluate, "--max-image-pixels", 15)
    run(PROGRAM, "train", "--resume", "--out", out, "--epochs", 2)

    run(PROGRAM, *train, "--overwrite")
    check_error(2, ["--resume", "ignore_orientation: false then, true now"],
                "train", "--resume", "--out", out, "--ignore-orientation")
    config = json.loads((out / "config.json").read_text())
    assert config.pop("ignore_orientation") is False
    (out / "config.json").write_text(json.dumps(config))  # as before it was an option
    run(PROGRAM, "train", "--resume", "--out", out, "--epochs", 2)


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
    check_image_options(folder, finished / "checkpoint.safetensors")
    check_broken_files(folder, finished / "checkpoint.safetensors")
    check_image_folder(folder)
    for program in PROGRAMS:
        assert "train" in run(program, "--help")
        assert f"runs/{program}" in run(program, "train", "--help")
        assert choices(program, "--rnn")[:2] == ["none", "lstm"]
    for small in ("xor", "custom_op", "quick_start"):
        run(small)
print("the command lines do what they say")
