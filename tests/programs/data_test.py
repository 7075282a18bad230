"""What the programs make of data sets: each is prepared the same way in training, tests, predictions and
pictures; what was left out is said; names may be anything that can be printed."""
import csv
import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import zlib

from program import run, write_mnist

PROGRAM = "cifar10_cnn_rnn"


def write_png(path, rows, channels):
    """A PNG file of rows of bytes: grey, or red, green and blue."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">2I5B", len(rows[0]) // channels, len(rows), 8, 2 * (channels == 3), 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) +
                     chunk(b"IEND", b""))


def write_classes(folder, names, count=10, side=32, colour=(200, 100, 50)):
    """Class n has n + 1 bright lines on images that all differ a little."""
    for n, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            dim = [value // 4 + k for value in colour]
            write_png(folder / name / f"{k}.png",
                      [[*(colour if y <= 3 * n else dim)] * side for y in range(side)], 3)
    return folder


def test_images(data):
    """The test images of a data set in MNIST's format, and their labels."""
    images = (data / "t10k-images-idx3-ubyte").read_bytes()[16:]
    labels = (data / "t10k-labels-idx1-ubyte").read_bytes()[8:]
    return [[images[784 * n + 28 * y:784 * n + 28 * (y + 1)] for y in range(28)]
            for n in range(len(labels))], labels


def predictions(text):
    """The class that `predict` puts first, with its share, for each file."""
    return [line.split(": ", 1)[1].split(", ")[0].rstrip("%").rsplit(" ", 1)
            for line in text.splitlines()]


def samples(folder):
    with open(folder / "samples.csv", newline="") as file:
        return list(csv.DictReader(file))


def evaluate(model, data, out, *arguments):
    text = run(PROGRAM, "evaluate", "--checkpoint", model, "--data", data, "--samples", 1000,
               "--out", out, *arguments)
    return text, samples(out)


def check_same(model, files, expected):
    """`predict` says of files what `evaluate` said of the same images."""
    found = predictions(run(PROGRAM, "predict", "--checkpoint", model, *files, "--top", 1))
    assert [name for name, _ in found] == [row["prediction"] for row in expected], (found, expected)
    for (_, share), row in zip(found, expected):
        assert abs(float(share) - 100 * float(row["probability"])) < 0.06, (share, row)


def without_preparation(model, to):
    """A checkpoint from before it said how images are prepared, of MNIST."""
    content = model.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    card = json.loads(header["__metadata__"]["cnnrnn"])
    assert card.pop("preparation") == {"resize": [28, 28], "pad": [32, 32], "grey": True}, card
    card["data_name"] = "MNIST"
    header["__metadata__"]["cnnrnn"] = json.dumps(card)
    text = json.dumps(header).encode()
    to.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    return to


def check_mnist_as_files(folder):
    data = write_mnist(folder / "mnist", train=200, test=40)
    out = folder / "run"
    run(PROGRAM, "train", "--data", data, "--epochs", 2, "--batch", 16, "--out", out)
    model = out / "checkpoint.safetensors"
    text, expected = evaluate(model, data, out)
    check_same(model, [out / row["file"] for row in expected], expected)
    images, labels = test_images(data)
    pictures = folder / "pictures"
    for part in ("train", "test"):
        for label in range(10):
            (pictures / part / str(label)).mkdir(parents=True)
    files = []
    for n, (image, label) in enumerate(zip(images, labels)):
        files.append(pictures / "test" / str(label) / f"{n:02}.png")
        write_png(files[-1], image, 1)
        shutil.copy(files[-1], pictures / "train" / str(label))
    for some in (model, without_preparation(model, folder / "old.safetensors")):
        check_same(some, files, expected)
        again, _ = evaluate(some, pictures, folder / "again")
        assert text.splitlines()[-1] == again.splitlines()[-1], (text, again)

    look = folder / "look"
    run("inspect", "--checkpoint", model, "--image", files[0], "--out", look)
    own = run("inspect", "--checkpoint", model, "--data", data, "--count", 1, "--out", folder / "own")
    assert "note:    these are not the labels" in own, own
    for picture in ("image0.png", "image0_stage1_map.png"):
        assert (look / picture).read_bytes() == (folder / "own" / picture).read_bytes(), picture


def check_colour_as_files(folder):
    """A network for colour images sees a data set of grey ones as it would see them as files."""
    out = folder / "coloured"
    digits = [str(n) for n in range(10)]
    run(PROGRAM, "train", "--data", write_classes(folder / "lines", digits), "--epochs", 1, "--batch", 16,
        "--out", out)
    data = write_mnist(folder / "grey", train=20, test=20)
    _, expected = evaluate(out / "checkpoint.safetensors", data, out)
    files = [folder / f"grey{n}.png" for n in range(20)]
    for file, image in zip(files, test_images(data)[0]):
        write_png(file, image, 1)
    check_same(out / "checkpoint.safetensors", files, expected)


def check_kinds(folder):
    data = write_mnist(folder / "FashionMNIST", train=20, test=10)
    text = run(PROGRAM, "train", "--data", data, "--epochs", 1, "--batch", 4, "--out", folder / "kind",
               "--data-kind", "fashion-mnist")
    assert "Fashion-MNIST from" in text and "note:" not in text, text
    run(PROGRAM, "train", "--resume", "--epochs", 2, "--out", folder / "kind")
    model = folder / "kind/checkpoint.safetensors"
    text = run(PROGRAM, "evaluate", "--checkpoint", model, "--data", data, code=2)
    assert "expected classes of Fashion-MNIST, which the model was trained on, got 0 of" in text, text
    run(PROGRAM, "evaluate", "--checkpoint", model, "--data", data, "--data-kind", "fashion-mnist")
    text = run(PROGRAM, "train", "--data-kind", "mnst", code=2)
    assert "--data-kind" in text and "fashion-mnist" in text, text
    text = run(PROGRAM, "train", "--out", folder / "x", code=1,
               env={**os.environ, "CNNRNN_DATA_DIR": str(folder / "gone")})
    assert f"$CNNRNN_DATA_DIR: {folder / 'gone'}: expected a folder" in text, text


def check_left_out(folder):
    data = write_classes(folder / "left out", ["ant", "bee"])
    (data / "ant/a.webp").write_bytes(b"x")
    (data / "bee/a.png").write_bytes(b"broken")
    out = folder / "left"
    arguments = ("train", "--data", data, "--epochs", 1, "--batch", 4, "--out", out)
    text = run(PROGRAM, *arguments, code=1)
    assert "bee/a.png" in text and not out.exists(), text
    text = run(PROGRAM, *arguments, "--skip-unreadable")
    assert "1 .webp" in text and "bee/a.png: expected" in text, text
    assert "bee/a.png" in (out / "unreadable.txt").read_text()
    text = run(PROGRAM, "train", "--resume", "--epochs", 2, "--out", out)
    assert "bee/a.png: expected" in text, text
    model = out / "checkpoint.safetensors"
    run(PROGRAM, "evaluate", "--checkpoint", model, "--data", data, code=1)
    run(PROGRAM, "evaluate", "--checkpoint", model, "--data", data, "--skip-unreadable")
    (data / "cow").mkdir()
    text = run(PROGRAM, *arguments, "--overwrite", "--skip-unreadable", code=1)
    assert f"{data / 'cow'}: expected images of this class" in text, text


def check_names(folder):
    """Names with commas, quotes and other letters go through all files; others end in one line."""
    names = ["größte Ameise", 'the "queen" bee', "tench, Tinca tinca"]
    data = write_classes(folder / "names", names)
    out = folder / "named"
    run(PROGRAM, "train", "--data", data, "--epochs", 6, "--batch", 4, "--out", out)
    _, rows = evaluate(out / "checkpoint.safetensors", data, out)
    assert {row["label"] for row in rows} == set(names), rows
    assert all(row["prediction"] in names and float(row["probability"]) > 0 for row in rows), rows
    # The classes of a folder are matched by name.
    part = folder / "part"
    shutil.copytree(data / names[2], part / names[2])
    shutil.copytree(data / names[1], part / names[1])
    _, rows = evaluate(out / "checkpoint.safetensors", part, folder / "matched")
    assert {row["label"] for row in rows} == set(names[1:]), rows

    for name, shown in ((b"caf\xe9", "caf\\xe9"), (b"two\nlines", "two\\nlines")):
        bad = write_classes(folder / "bad", ["a", "b"])
        os.rename(os.fsencode(bad / "b"), os.fsencode(bad) + b"/" + name)
        text = run(PROGRAM, "train", "--data", bad, "--out", folder / "x", code=1)
        assert len(text.splitlines()) == 1 and text.rstrip().endswith("got " + shown), text
        os.rename(os.fsencode(bad) + b"/" + name, os.fsencode(bad / "b"))
        os.rename(os.fsencode(bad), os.fsencode(folder) + b"/" + name)
        text = run(PROGRAM, "train", "--data", os.fsdecode(os.fsencode(folder) + b"/" + name),
                   "--out", folder / "x", code=2)
        assert text.rstrip().endswith(f"got {folder}/{shown}"), text
    text = run(PROGRAM, "predict", "--checkpoint", out / "checkpoint.safetensors",
               folder / "no\nfile", code=1)
    assert len(text.splitlines()) == 1 and "no\\nfile" in text, text


def check_constant_channel(folder):
    data = write_classes(folder / "no blue", ["a", "b"], colour=(200, 100, 0))
    for image in data.glob("*/*.png"):
        k = int(image.stem)
        write_png(image, [[200 if y < 8 * (image.parent.name == "b") else k, 9 * k, 0] * 32
                          for y in range(32)], 3)
    text = run(PROGRAM, "train", "--data", data, "--epochs", 1, "--batch", 4, "--out", folder / "blue")
    assert "WARNING: channel 2" in text, text
    evaluate(folder / "blue/checkpoint.safetensors", data, folder / "blue")


def check_sparse_classes(folder):
    data = write_classes(folder / "sparse", ["a", "b", "c"])
    for image in sorted((data / "c").iterdir())[1:]:
        image.unlink()
    arguments = ("train", "--data", data, "--epochs", 1, "--batch", 2, "--out", folder / "few",
                 "--overwrite")
    text = run(PROGRAM, *arguments)
    assert "note:    classes without test images: c\n" in text, text
    assert "without training" not in text, text
    text = run(PROGRAM, *arguments, "--limit", 2)
    assert "note:    classes without training images: " in text, text
    many = write_classes(folder / "many", [f"{n:02}" for n in range(13)], count=2)
    text = run(PROGRAM, *arguments[:2], many, *arguments[3:], "--limit", 2)
    assert "test images: 02, 03, 04, 05, 06, 07, 08, 09, 10, 11 and 1 more\n" in text, text


def card_of(model):
    content = model.read_bytes()
    header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["cnnrnn"])


def check_names_of_data_sets(folder):
    """What a folder is called says nothing of what is in it."""
    (folder / "called").mkdir()
    for name in ("CIFAR-10", "MNIST"):
        write_classes(folder / "called" / name, ["a", "b"])
        run(PROGRAM, "train", "--data", name, "--epochs", 1, "--batch", 4, "--out", "run",
            "--overwrite", cwd=folder / "called")
        card = card_of(folder / "called/run/checkpoint.safetensors")
        assert card["data_name"] == name and card["mean"][0] > 0.1 and card["mean"][2] < 0.2, card
    # As a program wrote it that did not say how it prepares images.
    model = folder / "called/run/checkpoint.safetensors"
    content = model.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    card = json.loads(header["__metadata__"]["cnnrnn"])
    del card["preparation"], card["ignore_orientation"]
    header["__metadata__"]["cnnrnn"] = json.dumps(card)
    text = json.dumps(header).encode()
    old = folder / "called/old.safetensors"
    old.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    image = folder / "called/MNIST/b/3.png"
    assert (run(PROGRAM, "predict", "--checkpoint", old, image) ==
            run(PROGRAM, "predict", "--checkpoint", model, image))


with tempfile.TemporaryDirectory() as name:
    main_folder = pathlib.Path(name)
    for check in (check_mnist_as_files, check_colour_as_files, check_kinds, check_left_out, check_names,
                  check_constant_channel, check_sparse_classes, check_names_of_data_sets):
        check(main_folder)
print("data sets are what they say")
