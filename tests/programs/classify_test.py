"""classify: what it needs, what it prints, and one clear line for everything that can be wrong. That its
numbers are torchvision's is the matter of pytorch/classify."""
import json
import math
import pathlib
import random
import struct
import tempfile

from program import run

# Of lenet5, the smallest network.
SHAPES = {"features.0.weight": (6, 1, 5, 5), "features.0.bias": (6,), "features.3.weight": (16, 6, 5, 5),
          "features.3.bias": (16,), "classifier.1.weight": (120, 400), "classifier.1.bias": (120,),
          "classifier.3.weight": (84, 120), "classifier.3.bias": (84,), "classifier.5.weight": (10, 84),
          "classifier.5.bias": (10,)}


def write_safetensors(path, shapes):
    """A file of random weights."""
    noise = random.Random(1)
    header, body = {}, b""
    for name, shape in shapes.items():
        deviation = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = struct.pack(f"<{math.prod(shape)}f", *(noise.gauss(0, deviation)
                                                        for _ in range(math.prod(shape))))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def write_image(path, width=40, height=36):
    pixels = bytes((x * 5 + y * 3 * (k + 1)) % 256 for y in range(height) for x in range(width)
                   for k in range(3))
    path.write_bytes(f"P6 {width} {height} 255\n".encode() + pixels)
    return path


def classify(weights, *arguments, model="lenet5", code=0):
    return run("classify", "--model", model, "--weights", weights, *arguments, code=code)


def check_error(code, words, *arguments, **options):
    text = classify(*arguments, code=code, **options)
    for word in words:
        assert word in text, (arguments, word, text)
    complaint = [line for line in text.splitlines() if not line.startswith("Run with --help")]
    assert len(complaint) == 1, (arguments, text)


def parse(line):
    """A file's classes and probabilities in percent."""
    return [entry.rstrip("%").rsplit(" ", 1) for entry in line.strip().split(": ", 1)[1].split(", ")]


def check_output(folder, weights, image):
    text = classify(weights, image, image)
    lines = text.splitlines()
    assert len(lines) == 2 and lines[0] == lines[1] and lines[0].startswith(f"{image}: class "), text
    assert len(parse(lines[0])) == 5
    every = parse(classify(weights, "--top", 99, image))
    shares = [float(share) for _, share in every]
    assert len(every) == 10 and shares == sorted(shares, reverse=True) and abs(sum(shares) - 100) < 1, every
    labels = folder / "labels.txt"
    for end in ("\n", "\r\n"):
        labels.write_bytes(end.join([*(f"digit {n}" for n in range(9)), "nine, the last\x1b"]).encode())
        named = parse(classify(weights, "--labels", labels, "--top", 3, image))
        assert named[0][0].replace("digit", "class") == every[0][0] or named[0][0].startswith("nine"), named
        assert "\x1b" not in str(named)
    return every


def check_precision(weights, image, usual):
    """Nearly the same in bfloat16."""
    narrow = dict(parse(classify(weights, "--top", 99, "--precision", "bfloat16", image)))
    assert narrow != dict(usual), narrow
    for name, share in usual:
        assert abs(float(narrow[name]) - float(share)) < 2, (name, share, narrow)
    check_error(2, ["--precision", "double not in"], weights, "--precision", "double", image)


def check_preparation(folder, weights, image, usual):
    """Each option makes a difference, and its default makes none."""
    same = ("--resize", 32, "--crop", 32, "--mean", 0.1307, "--std", 0.3081)
    assert parse(classify(weights, "--top", 99, *same, image)) == usual, usual
    for option in (("--resize", 48), ("--mean", 0.5), ("--std", 1)):
        assert parse(classify(weights, "--top", 99, *option, image)) != usual, option
    check_error(2, ["--crop of at most --resize, 32", "got 33"], weights, "--crop", 33, image)
    check_error(2, ["1 means and standard deviations", "got 3 and 1"],
                weights, image, "--mean", 0.1, 0.2, 0.3)
    check_error(2, ["positive standard deviation", "got 0.1307 and 0"], weights, "--std", 0, "--", image)
    check_error(1, ["at most 10 pixels", "--max-image-pixels"], weights, "--max-image-pixels", 10, image)


def check_errors(folder, weights, image):
    check_error(1, ["gone.safetensors", "No such file"], folder / "gone.safetensors", image)
    check_error(1, ["model.safetensors", "ResNet18", "missing: bn1.bias", "unexpected: classifier.1.bias"],
                weights, image, model="resnet18")
    text = folder / "text.txt"
    text.write_text("no weights")
    check_error(1, ["text.txt"], text, image)
    check_error(2, ["--model", "resnet18", "alexnet"], weights, image, model="alexnet")
    check_error(1, ["text.txt: expected a line for each of 10 classes, got 1"],
                weights, "--labels", text, image)
    check_error(1, ["gone.txt", "No such file"], weights, "--labels", folder / "gone.txt", image)
    check_error(2, ["--top", "0"], weights, "--top", 0, image)
    check_error(2, ["--threads"], weights, "--threads", -1, image)
    five = write_safetensors(folder / "five.safetensors", {**SHAPES, "features.0.weight": (6, 5, 5, 5)})
    check_error(2, ["images of 1 or 3 channels, got 5"], five, image)
    assert "images" in run("classify", "--model", "lenet5", "--weights", weights, code=2)

    thin = write_image(folder / "thin.ppm", 200_000, 1)
    check_error(1, ["thin.ppm", "at most 134217728 pixels once its shorter side is 32, got 32x6400000"],
                weights, thin)
    output = classify(weights, folder / "gone.png", text, image, code=1).splitlines()
    assert len(output) == 3 and "class" in output[0], output
    assert "gone.png: No such file" in output[1] and "text.txt: expected a PNG" in output[2], output


def check_other_weights(folder, image):
    """Classes and channels are the weights'."""
    shapes = {**SHAPES, "features.0.weight": (6, 3, 5, 5), "classifier.5.weight": (3, 84),
              "classifier.5.bias": (3,)}
    weights = write_safetensors(folder / "three.safetensors", shapes)
    assert len(parse(classify(weights, image))) == 3
    shapes["classifier.5.bias"] = (4,)
    check_error(1, ["classifier.5.bias: expected (3,), got (4,)"],
                write_safetensors(folder / "four.safetensors", shapes), image)


with tempfile.TemporaryDirectory() as name:
    main_folder = pathlib.Path(name)
    model = write_safetensors(main_folder / "model.safetensors", SHAPES)
    picture = write_image(main_folder / "picture.ppm")
    shares = check_output(main_folder, model, picture)
    check_precision(model, picture, shares)
    check_preparation(main_folder, model, picture, shares)
    check_errors(main_folder, model, picture)
    check_other_weights(main_folder, picture)
    help_text = run("classify", "--help")
    for words in ("--labels", "--top", "--resize", "torchvision", "mobilenet_v3_small"):
        assert words in help_text, words
print("classify says what it should")
