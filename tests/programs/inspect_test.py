"""inspect: its pictures have the right sizes, and the numbers on its page are NumPy's."""
import json
import pathlib
import re
import struct
import sys
import tempfile

try:
    import numpy
except ImportError:
    sys.exit(77)

from program import run, write_mnist

RESPONSE = 32


def png_size(path):
    """(width, height) of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">2I", data[16:24])


def header(checkpoint):
    data = checkpoint.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + size])


def metadata(checkpoint):
    return header(checkpoint)["__metadata__"]


def weight(checkpoint, name):
    data = checkpoint.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    entry = header(checkpoint)[name]
    begin, end = entry["data_offsets"]
    return numpy.frombuffer(data[8 + size:][begin:end], "<f4").reshape(entry["shape"])


def low_share(weights):
    """The share of energy at frequencies below half the highest, in percent."""
    energy = (abs(numpy.fft.fft2(weights, (RESPONSE, RESPONSE), (2, 3))) ** 2).sum(axis=(0, 1))
    low = (numpy.arange(RESPONSE) + RESPONSE // 4) % RESPONSE < RESPONSE // 2
    return 100 * energy[numpy.ix_(low, low)].sum() / energy.sum()


def haar_shares(image):
    """The shares of energy in LL, LH, HL, HH around mid-grey, in percent."""
    x = image / 255 - 0.5
    a, b, c, d = x[::2, ::2], x[::2, 1::2], x[1::2, ::2], x[1::2, 1::2]
    bands = [a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d]
    energy = numpy.array([(band ** 2).sum() for band in bands])
    return 100 * energy / energy.sum()


def stage_by_numpy(checkpoint, stage, x):
    """The first stage of the CNN in evaluation: images (N, 3, H, W) -> maps (N, C, H / 2, W / 2)."""
    for conv, norm in ((0, 1), (3, 4)):
        w = weight(checkpoint, f"{stage}.{conv}.weight").astype(float)
        padded = numpy.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
        x = numpy.einsum("nchwij,ocij->nohw", windows, w)
        gamma, beta, mean, variance = (weight(checkpoint, f"{stage}.{norm}.{name}")[:, None, None] for name in
                                       ("weight", "bias", "running_mean", "running_var"))
        x = numpy.maximum(0, (x - mean) / numpy.sqrt(variance + 1e-5) * gamma + beta)
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def check_peaks(checkpoint, data, page):
    """The maps, the places and the images of the table are those of NumPy's first stage."""
    card = json.loads(metadata(checkpoint)["cnnrnn"])
    raw = (data / "t10k-images-idx3-ubyte").read_bytes()[16:]
    images = numpy.frombuffer(raw, numpy.uint8).reshape(-1, 28, 28)[:, None].repeat(3, 1)
    mean, deviation = (numpy.array(card[key])[:, None, None] for key in ("mean", "standard_deviation"))
    x = (numpy.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2))) / 255 - mean) / deviation
    maps = stage_by_numpy(checkpoint, "stages.0", x)
    strongest = maps.max((0, 2, 3))
    table = [cells for cells in rows(page[page.index("projections_stage1.png"):]) if len(cells) == 5][:3]
    assert [int(cells[0]) for cells in table] == sorted(numpy.argsort(-strongest)[:3]), table
    for cells in table:
        channel = int(cells[0])
        image = int(re.search(r"test image (\d+) of", cells[3])[1])
        row, column = map(int, cells[2].split(", "))
        assert abs(float(cells[1]) - strongest[channel]) < 1e-4 * strongest[channel], cells
        assert abs(maps[image, channel, row, column] - strongest[channel]) < 1e-4 * strongest[channel], cells
        weakest = numpy.sort(maps[:, channel].max((1, 2)))[-4]
        assert abs(float(cells[4]) - weakest) < 1e-4 * strongest[channel], (cells, weakest)


def rows(page):
    """The cells of the page's table rows."""
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]


def row(page, first):
    return next(cells for cells in rows(page) if cells and cells[0] == first)


def numbers(cells):
    return [float(cell.split()[0]) for cell in cells]


def train(folder, data, program, rnn, join="tap", control="none"):
    out = folder / f"{program}_{rnn}_{join}_{control}"
    run(program, "train", "--data", data, "--rnn", rnn, "--join", join, "--control", control,
        "--epochs", 1, "--batch", 16, "--limit", 16, "--out", out)
    return out / "checkpoint.safetensors"


def check_page(out):
    """Every picture on the page is there, of the size that the page says, and no other."""
    page = (out / "index.html").read_text()
    shown = re.findall(r'<img src="([^"]*)" width="(\d+)" height="(\d+)" alt="[^"]+">', page)
    assert page.count("<img") == len(shown)
    for name, width, height in shown:
        assert png_size(out / name) == (int(width), int(height)), name
    assert {name for name, _, _ in shown} == {path.name for path in out.glob("*.png")}
    error = float(re.search(r"DFT\(x\) DFT\(f\)\| = ([\d.e+-]+) over", page)[1])
    assert error < 1e-11, error
    return page


def check_cnn(folder, data):
    checkpoint = train(folder, data, "cifar10_cnn_rnn", "lstm")
    out = folder / "look"
    text = run("inspect", "--checkpoint", checkpoint, "--data", data, "--out", out, "--maps", 3,
               "--top", 4, "--search", 90)
    page = check_page(out)
    check_peaks(checkpoint, data, page)
    for words in ("CnnRnn(rnn lstm)", "filters: stages.1.0", "theorem: largest", "index.html",
                  "project: Stage 2, the tap: 24 images, 3 features of up to 4 images"):
        assert words in text, (words, text)
    # 32 filters of 3 inputs: tiles with a gap of 4 behind a margin of 20.
    assert png_size(out / "filters_stages.0.0.png") == (20 + 32 * 34, 20 + 3 * 34)
    assert png_size(out / "responses_stages.0.0.png") == (20 + 32 * 36, 20 + 3 * 36)
    assert png_size(out / "responses_stages.1.0.png") == (20 + 16 * 36, 20 + 16 * 36)
    assert png_size(out / "image0_stage1_map.png") == (20 + 16 * 68, 20 + 2 * 68)
    assert png_size(out / "image1_stage2_tap.png") == (64 * 14, 2 * 14)
    assert png_size(out / "image1_wavelet_db4.png") == (256, 256)
    # Of 6x6, 16x16 and all 32x32 pixels, enlarged: 4 projections, 4 patches, 3 lines.
    for name, side in (("stage1", 60), ("stage2", 64), ("stage1_tap", 64), ("stage2_tap", 64)):
        width, height = png_size(out / f"projections_{name}.png")
        margin = (width - 12) // 2 - 4 * (side + 4)
        assert margin in (20, 26) and height == 20 + 3 * (side + 4), (name, width, height)
    for layer in ("stages.0.0", "stages.1.0"):
        share = numbers(row(page, layer)[3:])[0]
        assert abs(share - low_share(weight(checkpoint, f"{layer}.weight"))) < 0.06, (layer, share)
    return checkpoint


def check_image_and_layer(folder, data, checkpoint):
    """An image file in place of the data set's, and a layer of choice."""
    run("cifar10_cnn_rnn", "evaluate", "--checkpoint", checkpoint, "--data", data, "--samples", 1,
        "--limit", 1, "--out", folder)
    out = folder / "one"
    image = folder / "samples" / "0.png"
    run("inspect", "--checkpoint", checkpoint, "--image", image, "--layer", "stages.1.3", "--out", out)
    page = check_page(out)
    assert png_size(out / "filters_stages.1.3.png") == (20 + 16 * 34, 20 + 16 * 34)
    assert not (out / "filters_stages.0.0.png").exists() and not (out / "image1.png").exists()
    # The first test image of a data set in MNIST's format, in the middle of 32x32.
    raw = (data / "t10k-images-idx3-ubyte").read_bytes()[16:16 + 28 * 28]
    pixels = numpy.pad(numpy.frombuffer(raw, numpy.uint8).reshape(28, 28), 2).astype(float)
    shares = numbers(row(page, "0.png, haar")[1:5])
    assert numpy.abs(shares - haar_shares(pixels)).max() < 0.06, (shares, haar_shares(pixels))
    for wavelet in ("haar", "db2", "db3", "db4"):
        assert float(row(page, f"0.png, {wavelet}")[5]) < 1e-6


def check_other_networks(folder, data):
    for program, rnn, layer in (("cifar10_vgg9", "none", "stages.2.0"),
                                ("cifar10_resnet20", "lstm", "stages.2.0.c1")):
        out = folder / f"look_{program}"
        run("inspect", "--checkpoint", train(folder, data, program, rnn), "--data", data,
            "--count", 1, "--search", 3, "--stage", 1, "--stage", 3, "--relu", "guided", "--out", out)
        assert layer in check_page(out)
        assert (out / "image0_stage3_tap.png").exists() == (rnn == "lstm")
        assert (out / "projections_stage3_tap.png").exists() == (rnn == "lstm")
        assert (out / "projections_stage1.png").exists() and not (out / "projections_stage2.png").exists()


def check_sweep(folder, data):
    """The map before and after the sweep behind the second stage; its weights are no filters."""
    out = folder / "look_sweep"
    checkpoint = train(folder, data, "cifar10_cnn_rnn", "convlstm", "sweep")
    run("inspect", "--checkpoint", checkpoint, "--data", data, "--count", 1, "--search", 5, "--out", out)
    assert "sweeps." not in check_page(out)
    assert (out / "image0_stage2_swept.png").exists() and not (out / "image0_stage1_swept.png").exists()
    assert (out / "projections_stage2_sweep.png").exists()
    for what in ("adds", "carries"):  # a map of 8x8, enlarged: the image, the map and four directions
        assert png_size(out / f"sweep_stage2_{what}.png") == (20 + 6 * 100, 20 + 100)


def check_readout(folder, data):
    """The features of a read-out, and no projections where none are asked for."""
    out = folder / "look_readout"
    checkpoint = train(folder, data, "cifar10_cnn_rnn", "gru", "readout")
    look = ("--checkpoint", checkpoint, "--data", data, "--count", 1)
    run("inspect", *look, "--search", 5, "--out", out)
    check_page(out)
    assert (out / "image0_stage2_readout.png").exists()
    assert (out / "projections_stage2_readout.png").exists()
    run("inspect", *look, "--search", 0, "--out", folder / "look_only")
    check_page(folder / "look_only")
    assert not list((folder / "look_only").glob("projections_*"))


def check_control(folder, data):
    """The map that the next stage reads is that behind the control, whose windows see more."""
    out = folder / "look_control"
    checkpoint = train(folder, data, "cifar10_cnn_rnn", "none", control="convolution")
    run("inspect", "--checkpoint", checkpoint, "--data", data, "--count", 1, "--search", 2, "--maps", 1,
        "--top", 1, "--out", out)
    check_page(out)
    assert (out / "image0_stage2_control.png").exists()
    for name, side in (("stage2", 64), ("stage2_control", 48)):  # of 16x16 and of 24x24 pixels
        assert png_size(out / f"projections_{name}.png") == (12 + 2 * (20 + side + 4), 20 + side + 4)


def check_errors(folder, data, checkpoint):
    def fails(code, words, *arguments):
        text = run("inspect", *arguments, code=code)
        complaint = [line for line in text.splitlines() if line.startswith("inspect:") or code == 2]
        assert complaint and all(word in text for word in words), (arguments, text)

    out = ("--out", folder / "nothing")
    fails(2, ["--out"], "--checkpoint", checkpoint)
    fails(2, ["--layer", "stages.0.0, stages.0.3", "got conv1"],
          "--checkpoint", checkpoint, "--data", data, "--layer", "conv1", *out)
    fails(2, ["--stage: expected stages from 1 to 2, got 3"],
          "--checkpoint", checkpoint, "--data", data, "--stage", 3, *out)
    for option, value in (("--stage", 0), ("--maps", 0), ("--top", 33), ("--search", -1)):
        fails(2, [option, str(value)], "--checkpoint", checkpoint, option, value, *out)
    fails(2, ["--relu", "deconvolution", "gradient", "guided", "backprop"],
          "--checkpoint", checkpoint, "--relu", "backprop", *out)
    fails(1, ["missing.safetensors"], "--checkpoint", folder / "missing.safetensors", *out)
    fails(1, ["resume.safetensors", "without its description"],
          "--checkpoint", checkpoint.parent / "resume.safetensors", *out)
    text = folder / "text.png"
    text.write_text("no image")
    fails(1, ["text.png", "expected a PNG"], "--checkpoint", checkpoint, "--image", text, *out)
    assert not (folder / "nothing").exists(), "a run that could not begin left a folder"


with tempfile.TemporaryDirectory() as name:
    main_folder = pathlib.Path(name)
    mnist = write_mnist(main_folder / "mnist")
    trained = check_cnn(main_folder, mnist)
    check_image_and_layer(main_folder, mnist, trained)
    check_other_networks(main_folder, mnist)
    check_sweep(main_folder, mnist)
    check_readout(main_folder, mnist)
    check_control(main_folder, mnist)
    check_errors(main_folder, mnist, trained)
    usage = run("inspect", "--help")
    assert all(option in usage for option in ("--layer", "--stage", "--maps", "--top", "--search", "--relu"))
print("inspect shows what it should")
