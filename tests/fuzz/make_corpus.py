#!/usr/bin/env python3
"""Writes the seeds of the fuzzers: corpus/READER/good-* and bad-*, files made by hand.

What the fuzzers have found lies beside them as found-* and is left alone. Needs Pillow for JPEG.
"""

import gzip
import io
import json
import pathlib
import struct
import zlib

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(reader, files):
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[!f]*"):
        old.unlink()
    for name, contents in files.items():
        (folder / name).write_bytes(contents)


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(kind, shape, begin, end):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def one(kind, shape, begin, end, data=bytes(4)):
    return safetensors({"a": entry(kind, shape, begin, end)}, data)


def many(count):
    return b"{" + b",".join(count) + b"}"


def safetensors_files():
    nan = struct.pack("<4f", float("nan"), float("inf"), -0.0, 1e-40)
    kinds = {"f": entry("F32", [2, 1], 0, 8), "d": entry("F64", [], 8, 16), "l": entry("I64", [1], 16, 24),
             "i": entry("I32", [1], 24, 28), "b": entry("U8", [4], 28, 32), "e": entry("F32", [0, 7], 32, 32)}
    narrow = {"h": entry("F16", [2], 0, 4), "g": entry("BF16", [1], 4, 6), "s": entry("I16", [1], 6, 8),
              "u": entry("U16", [1], 8, 10), "c": entry("I8", [2], 10, 12), "m": entry("BOOL", [4], 12, 16),
              "w": entry("U64", [1], 16, 24), "v": entry("U32", [2], 24, 32)}
    empty = b'{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return {
        "good-types": safetensors({"__metadata__": {"format": "pt"}, **kinds}, bytes(range(32))),
        "good-narrow-types": safetensors(narrow, bytes(range(32))),
        "good-empty": safetensors({}),
        "good-nan": one("F32", [4], 0, 16, nan),
        "good-many-tensors": safetensors(many(b'"%x":%s' % (i, empty) for i in range(60))),
        "bad-no-bytes": b"",
        "bad-seven-bytes": bytes(7),
        "bad-length-past-end": safetensors({}, length=3),
        "bad-length-2e63": safetensors({}, length=1 << 63),
        "bad-length-all-ones": safetensors({}, length=(1 << 64) - 1),
        "bad-truncated-header": safetensors({"a": entry("F32", [1], 0, 4)})[:40],
        "bad-truncated-data": one("F32", [4], 0, 16, bytes(15)),
        "bad-extra-data": one("F32", [1], 0, 4, bytes(5)),
        "bad-shape-overflows": one("F32", [1 << 32, 1 << 32], 0, 4),
        "bad-shape-overflows-to-one": one("U8", [(1 << 62) + 1, 4], 0, 4),
        "bad-bytes-overflow": one("F64", [(1 << 61) + 1], 0, 8, bytes(8)),
        "bad-shape-larger-than-data": one("F32", [1 << 40], 0, 4),
        "bad-dimension-negative": one("F32", [-1], 0, 4),
        "bad-dimension-2e64": one("F32", [1 << 64], 0, 4),
        "bad-dimension-fraction": one("F32", [1.0], 0, 4),
        "bad-seven-dimensions": one("F32", [1] * 7, 0, 4),
        "bad-offsets-backwards": one("F32", [1], 4, 0),
        "bad-offsets-past-end": one("F32", [1 << 60], 0, 1 << 62),
        "bad-offsets-overlap": safetensors({"a": entry("U8", [3], 0, 3), "b": entry("U8", [3], 1, 4)}, bytes(4)),
        "bad-offsets-twice": safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 0, 4)}, bytes(4)),
        "bad-offsets-hole": safetensors({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 2, 3)}, bytes(3)),
        "bad-half-shape": one("F16", [1], 0, 4),
        "bad-type": one("F8_E4M3", [4], 0, 4),
        "bad-type-number": safetensors({"a": {"dtype": 1, "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        "bad-name-twice": safetensors(b'{"a":%s,"a":%s}' % (empty, empty)),
        "bad-key-twice": safetensors(b'{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
        "bad-metadata-number": safetensors({"__metadata__": {"a": 1}}),
        "bad-metadata-twice": safetensors(b'{"__metadata__":{"a":"1","a":"1"}}'),
        "bad-deep-arrays": safetensors(b'{"a":' + b"[" * 3000),
        "bad-deep-objects": safetensors(b'{"a":' * 1000),
        "bad-utf8": safetensors(b'{"\xff":1}'),
        "bad-zero-byte": safetensors(b"{}\0{}"),
        "bad-not-json": safetensors(b"{" + b"x" * 100 + b"}"),
        "bad-number-of-digits": safetensors(b'{"a":' + b"9" * 2000 + b"}"),
    }


def f32(*values):
    return "F32", struct.pack(f"<{len(values)}f", *values)


def f64(*values):
    return "F64", struct.pack(f"<{len(values)}d", *values)


def i64(*values):
    return "I64", struct.pack(f"<{len(values)}q", *values)


def f16(*values):
    return "F16", struct.pack(f"<{len(values)}e", *values)


def bools(*values):
    return "BOOL", bytes(values)


def packed(tensors, metadata):
    """The file of tensors {name: (shape, (type, bytes))}."""
    header, data = {"__metadata__": metadata}, b""
    for name, (shape, (kind, values)) in tensors.items():
        header[name] = entry(kind, shape, len(data), len(data) + len(values))
        data += values
    return safetensors(header, data)


# The network of network.hpp.
PARAMETERS = {"0.weight": [3, 2], "0.bias": [3], "1.weight": [3], "1.bias": [3], "3.weight": [2, 3], "3.bias": [2]}
BUFFERS = {"1.running_mean": [3], "1.running_var": [3]}


def size(shape):
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def state(number=f32, counter=1):
    tensors = {n: (s, number(*[0.5] * size(s))) for n, s in (PARAMETERS | BUFFERS).items()}
    return tensors | {"1.num_batches_tracked": ([], i64(counter))}


def model_files():
    def with_tensor(name, value):
        return packed(state() | {name: value}, {})

    nan = float("nan")
    return {
        "good-f32": packed(state(), {"rnn": "none"}),
        "good-f64": packed(state(f64), {}),
        "good-nan": with_tensor("0.bias", ([3], f32(nan, -nan, float("inf")))),
        "good-f64-too-large-for-f32": with_tensor("0.bias", ([3], f64(1e300, -1e300, 1e-300))),
        "bad-type": with_tensor("0.bias", ([3], i64(1, 2, 3))),
        "bad-shape": with_tensor("0.bias", ([1, 3], f32(1, 2, 3))),
        "bad-name": with_tensor("4.bias", ([1], f32(1))),
        "good-half": packed(state(f16), {}),
        "good-counter-float": with_tensor("1.num_batches_tracked", ([], f32(1))),
        "good-counter-of-one-element": with_tensor("1.num_batches_tracked", ([1], i64(1))),
        "good-no-counter": packed({n: t for n, t in state().items() if "num_batches" not in n}, {}),
        "bad-counter-nan": with_tensor("1.num_batches_tracked", ([], f32(nan))),
        "bad-counter-fraction": with_tensor("1.num_batches_tracked", ([], f64(0.5))),
        "bad-counter-float-largest": with_tensor("1.num_batches_tracked", ([], f32(2.0 ** 62))),
        "bad-counter-bool": with_tensor("1.num_batches_tracked", ([], bools(1))),
        "bad-bool": with_tensor("0.bias", ([3], bools(0, 1, 255))),
        "bad-prefix": packed({"module." + n: t for n, t in state().items()}, {}),
        "bad-counter-negative": packed(state(counter=-1), {}),
        "bad-counter-largest": packed(state(counter=(1 << 63) - 1), {}),
        "bad-empty": safetensors({}),
    }


CHECKPOINT = {
    "format": "cnnrnn checkpoint 1",
    "model": "Sequential",
    "optimizer": "Adam(beta1 0.9, beta2 0.999, epsilon 1e-08; 6 parameters: learning rate 0.001, weight decay 0)",
    "configuration": "",
}


def checkpoint(change=None, metadata=None):
    tensors = {"model/" + name: value for name, value in state().items()}
    tensors["random/2.random"] = [4], i64(1, 2, 3, -4)
    for i, shape in enumerate(PARAMETERS.values()):
        tensors[f"optimizer/{i}.step"] = [], i64(3)
        for slot in ["exp_avg", "exp_avg_sq"]:
            tensors[f"optimizer/{i}.{slot}"] = shape, f32(*[0.25] * size(shape))
    tensors["run/position"] = [2], i64(1, 2)
    tensors["run/counts"] = [2], i64(5, 8)
    tensors["run/sums"] = [2], f64(3.5, 0.25)
    tensors["run/history"] = [1, 7], f64(1, 2.3, 0.1, float("nan"), float("nan"), 9.5, 100)
    return packed(tensors | (change or {}), metadata or CHECKPOINT)


def history(*row):
    return checkpoint({"run/history": ([1, 7], f64(*row))})


def checkpoint_files():
    nan, inf = float("nan"), float("inf")
    largest = (1 << 63) - 1
    return {
        "good": checkpoint(),
        "good-tested": history(1, 2.3, 0.1, 2.2, 0.2, 9.5, 100),
        "bad-epoch-nan": history(nan, 2.3, 0.1, nan, nan, 9.5, 100),
        "bad-epoch-large": history(1e300, 2.3, 0.1, nan, nan, 9.5, 100),
        "bad-loss-infinite": history(1, inf, 0.1, nan, nan, 9.5, 100),
        "bad-history-rows": checkpoint({"run/position": ([2], i64(2, 0))}),
        "bad-position-negative": checkpoint({"run/position": ([2], i64(1, -1))}),
        "bad-position-type": checkpoint({"run/position": ([2], f64(1, 2))}),
        "bad-counts-negative": checkpoint({"run/counts": ([2], i64(-5, 8))}),
        "bad-counts-largest": checkpoint({"run/counts": ([2], i64(largest, largest))}),
        "bad-sums-nan": checkpoint({"run/sums": ([2], f64(nan, 0.25))}),
        "bad-seconds-negative": checkpoint({"run/sums": ([2], f64(1, -1))}),
        "bad-step-zero": checkpoint({"optimizer/0.step": ([], i64(0))}),
        "bad-step-negative": checkpoint({"optimizer/0.step": ([], i64(-3))}),
        "bad-step-largest": checkpoint({"optimizer/0.step": ([], i64(largest))}),
        "bad-slot-shape": checkpoint({"optimizer/0.exp_avg": ([6], f32(*range(6)))}),
        "bad-random-zero": checkpoint({"random/2.random": ([4], i64(0, 0, 0, 0))}),
        "bad-counter-largest": checkpoint({"model/1.num_batches_tracked": ([], i64(largest))}),
        "bad-format": checkpoint(metadata=CHECKPOINT | {"format": "cnnrnn checkpoint 2"}),
        "bad-model": checkpoint(metadata=CHECKPOINT | {"model": "\x1b[31m" + "x" * 3000}),
    }


def cifar_files():
    record10 = bytes([9]) + bytes(3072)
    record100 = bytes([3, 77]) + bytes(3072)
    names = "\n".join(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]).encode()
    return {
        "good-10": b"\0" + record10,
        "good-100": b"\1" + record100,
        "good-names": b"\2" + names + b"\n\n",
        "bad-no-bytes": b"",
        "bad-10-label": b"\0" + b"\x0a" + record10[1:],
        "bad-10-short": b"\0" + record10[:-1],
        "bad-100-label": b"\1" + b"\0\x64" + record100[2:],
        "bad-names-few": b"\2" + names[:-2],
        "bad-names-many": b"\2" + names + b"\nk",
        "bad-names-terminal": b"\2" + names[:-1] + b"\x1b[2J",
    }


def idx(dims, data=b"", kind=8):
    return bytes([0, 0, kind, len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + data


def idx_files():
    return {
        "good-images": idx([2, 2, 3], bytes(range(12))),
        "good-labels": idx([3], bytes([0, 9, 5])),
        "good-28x28": idx([1, 28, 28], bytes(784)),
        "bad-no-bytes": b"",
        "bad-label": idx([3], bytes([0, 10, 5])),
        "bad-two-axes": idx([2, 2], bytes(4)),
        "bad-truncated-header": idx([2, 2, 3])[:15],
        "bad-truncated": idx([2, 2, 3], bytes(11)),
        "bad-too-long": idx([2, 2, 3], bytes(13)),
        "bad-product-overflows": idx([1 << 31, 1 << 31, 4], bytes(12)),
        "bad-product-wraps-to-zero": idx([1 << 31] * 3 + [2], bytes(12)),
        "bad-all-ones": idx([0xFFFFFFFF] * 4, bytes(12)),
        "bad-zero-axis": idx([0, 28, 28]),
        "bad-255-axes": bytes([0, 0, 8, 255]) + bytes(1020),
        "bad-floats": idx([1], bytes(4), kind=0x0D),
        "bad-image-too-large": idx([1, 33, 1], bytes(33)),
        "bad-four-channels": idx([1, 2, 2, 4], bytes(16)),
        # Each would become an image of 32x32x3: 71 MB from 23 KB, twice.
        "bad-dots": idx([23_000, 1, 1], bytes(23_000)),
    }


def zeros(count):
    """Raw deflate of zeros, made in pieces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    out = b"".join(packer.compress(piece) for _ in range(count >> 20))
    return out + packer.compress(bytes(count & 0xFFFFF)) + packer.flush()


def gzip_of(body, length, check=0, flags=0, fields=b""):
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields + body + struct.pack("<II", check, length & 0xFFFFFFFF)


def gzip_files():
    images = gzip.compress(idx([2, 2, 3], bytes(range(12))), mtime=0)
    named = b"\x03\0abcname\0remark\0\0\0"
    plain = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = plain.compress(idx([1], b"x")) + plain.flush()
    bomb = zeros(2 << 20)
    return {
        "good": images,
        "good-fields": gzip_of(body, 9, zlib.crc32(idx([1], b"x")), 2 | 4 | 8 | 16, named),
        "bad-no-bytes": b"",
        "bad-truncated": images[:-9],
        "bad-check-sum": images[:-5] + b"\1" + images[-4:],
        "bad-length": images[:-4] + b"\1\0\0\0",
        "bad-length-of-gigabytes": images[:-4] + b"\xff\xff\xff\x3f",
        "bad-length-all-ones": images[:-4] + b"\xff\xff\xff\xff",
        "bad-method": images[:2] + b"\x07" + images[3:],
        "bad-flags": images[:3] + b"\xff" + images[4:],
        "bad-name-without-end": gzip_of(b"", 0, flags=8, fields=b"x" * 40)[:-8] + b"x" * 8,
        "bad-extra-past-end": gzip_of(b"", 0, flags=4, fields=b"\xff\xff"),
        "bad-block-type": gzip_of(b"\x07" + bytes(20), 9),
        "bad-distance": gzip_of(b"\x03\x02" + bytes(20), 9),
        "bad-bomb-that-hides": gzip_of(bomb[:2000] + bytes(8), 16, 1),
        "bad-bomb-of-4-gib-and-1": gzip_of(bomb[:2000] + bytes(8), (1 << 32) + 1, 1),
    }


def png_chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, packed_rows, interlace=0, before=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + before + png_chunk(b"IDAT", packed_rows)
            + png_chunk(b"IEND"))


def png_of(width, height, depth, colour, row, **more):
    return png(width, height, depth, colour, zlib.compress((b"\0" + row) * height, 9), **more)


def exif(orientation, order="<"):
    """A TIFF structure that has an orientation and nothing else."""
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


def jpeg_segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def with_exif(file, data):
    return file[:2] + jpeg_segment(0xE1, b"Exif\0\0" + data) + file[2:]


def bmp(width, height, bits, data=b"", offset=54, header=40, compression=0):
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(data), 0, 0, offset) + info + data


def short_palettes():
    """Pixels of colours that the palette does not have, and what is near that."""
    row = bytes(range(200, 216))
    grey = png_of(16, 16, 8, 0, row)
    one = png_chunk(b"PLTE", b"\1\2\3")
    return {
        "good-bytes-behind-end.png": grey + b"\n",
        "good-palette-behind-end.png": grey + b"\0\0\1\x80PLTE",
        "bad-empty-palette.png": png_of(16, 16, 8, 3, row, before=png_chunk(b"PLTE")),
        "bad-two-palettes.png": png_of(16, 16, 8, 3, row, before=one + one),
        "bad-no-colours.bmp": bmp(16, 16, 8, row * 16),
        "good-short-palette.png": png_of(16, 16, 8, 3, row, before=one),
        "good-short-palette.bmp": bmp(16, 16, 8, b"\1\2\3\0" + row * 16, offset=58),
        "bad-pixels-in-header.bmp": bmp(16, 16, 8, row * 16, offset=53),
    }


def jpeg(width, height, mode="RGB", **options):
    from PIL import Image

    out = io.BytesIO()
    picture = Image.new(mode, (width, height))
    values = [i * 7 % 250 for i in range(width * height)]
    picture.putdata(values if mode == "L" else [(value,) * len(mode) for value in values])
    picture.save(out, "JPEG", quality=60, **options)
    return out.getvalue()


def jpeg_of_size(file, width, height):
    """The JPEG with another size in its header."""
    at = next(file.index(mark) for mark in [b"\xff\xc0", b"\xff\xc2"] if mark in file)
    return file[: at + 5] + struct.pack(">HH", height, width) + file[at + 9 :]


def jpeg_of_scans(file, count):
    """The progressive JPEG with its last scan over and over again."""
    last = file.rindex(b"\xff\xda")
    return file[:-2] + file[last:-2] * count + file[-2:]


def gif_blocks(number, bits):
    data = number.to_bytes(-(-bits // 8), "little")
    return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif_codes(codes, width):
    """GIF's data of codes of one width, in blocks."""
    return gif_blocks(sum(code << width * i for i, code in enumerate(codes)), width * len(codes))


def gif(width, height, data, bits=2, flags=0, before=b"", table=bytes(range(12)), left=0, size=None, behind=b";"):
    """A GIF of one picture, whose size may be another."""
    head = struct.pack("<HHBBB", width, height, 0x81 if table else 0, 0, 0)
    picture = b"," + struct.pack("<HHHHB", left, 0, *(size or (width, height)), flags) + bytes([bits]) + data
    return b"GIF89a" + head + table + before + picture + behind


def gif_files():
    clear, end = 4, 5
    plain = gif_codes([clear, 0, 1, clear, 2, 3, clear, 3, 2, clear, 1, 0, end], 3)
    control = b"!\xf9\4\1\0\0\2\0"
    # Each code is the string before and a pixel more: 8.4 million pixels from 6 kB.
    number, at, width, size = clear, 3, 3, 6
    for code in [0, *range(6, 4096)]:
        number |= code << at
        at += width
        size += code >= 6
        width += size == 1 << width and width < 12
    growing = gif_blocks(number, at)
    return {
        "good.gif": gif(4, 2, plain),
        "good-interlaced.gif": gif(2, 4, plain, flags=0x40),
        "good-clear.gif": gif(4, 2, plain, before=control),
        "good-local-table.gif": gif(4, 2, plain).replace(b"\0\2" + plain, b"\x81" + bytes(12) + b"\2" + plain),
        "good-part.gif": gif(6, 3, plain, left=1, size=(4, 2), before=control),
        "good-animated.gif": gif(4, 2, plain, behind=gif(4, 2, plain)[25:]),
        "good-without-end.gif": gif(4, 2, plain)[:-2],
        "good-4000x2000.gif": gif(4000, 2000, growing),
        "bad-5000x2000.gif": gif(5000, 2000, growing),
        "bad-65535x65535.gif": gif(65_535, 65_535, plain),
        "bad-0x0.gif": gif(0, 0, plain),
        "bad-code.gif": gif(4, 2, gif_codes([clear, 0, 7], 3)),
        "bad-first-code.gif": gif(4, 2, gif_codes([clear, 6], 3)),
        "bad-clear-only.gif": gif(4, 2, gif_codes([clear] * 30_000, 3)),
        "bad-early-end.gif": gif(4, 2, gif_codes([clear, 0, 1, end], 3)),
        "bad-truncated.gif": gif(4, 2, plain)[:-8],
        "bad-bits.gif": gif(4, 2, plain, bits=12),
        "bad-no-table.gif": gif(4, 2, plain, table=b""),
        "bad-outside.gif": gif(4, 2, plain, left=1),
        "bad-no-picture.gif": gif(4, 2, plain)[:25] + b";",
        "bad-extension.gif": gif(4, 2, plain)[:25] + b"!\xfe\xff",
    }


def tga(width, height, kind, bits, data, colour_map=(0, 0, 0, 0), descriptor=0, name=b""):
    mapped, first, count, map_bits = colour_map
    return struct.pack("<BBBHHBHHHHBB", len(name), mapped, kind, first, count, map_bits, 0, 0, width, height, bits,
                       descriptor) + name + data


def plain_files():
    """PPM, PGM and TGA."""
    row = bytes(range(12))
    return {
        "good.ppm": b"P6\n# made by hand\n4 1\n255\n" + row,
        "good-16.pgm": b"P5 3 2 65535\n" + row,
        "bad-truncated.ppm": b"P6 4 1 255\n" + row[:-1],
        "bad-999999999x999999999.ppm": b"P6 999999999 999999999 65535\n" + row,
        "bad-digits.pgm": b"P5 " + b"9" * 4000,
        "bad-comment.pgm": b"P5 #" + b"#" * 4000,
        "bad-maximum.pgm": b"P5 4 1 0\n" + row,
        "good.tga": tga(2, 2, 2, 24, row),
        "good-from-the-top-right.tga": tga(2, 2, 2, 24, row, descriptor=0x30, name=b"hand"),
        "good-palette.tga": tga(3, 1, 1, 8, row, (1, 0, 3, 24)),
        "good-short-palette.tga": tga(3, 1, 1, 8, row[:9] + b"\3\4\xff", (1, 1, 3, 24)),
        "good-runs.tga": tga(100, 2, 10, 24, b"\xff\1\2\3\xc6\4\5\6\0\7\x08\x09"),
        "good-grey.tga": tga(4, 3, 3, 8, row),
        "bad-truncated.tga": tga(2, 2, 2, 24, row[:-1]),
        "bad-truncated-runs.tga": tga(100, 2, 10, 24, b"\xff\1\2\3\xc6\4\5\6\0\7\x08"),
        "bad-truncated-palette.tga": tga(3, 1, 1, 8, row[:8], (1, 0, 3, 24)),
        "bad-65535x65535.tga": tga(65_535, 65_535, 2, 32, row),
        "bad-65535x65535-runs.tga": tga(65_535, 65_535, 11, 8, b"\xff\1" * 5000),
    }


def orientation_files(photo, picture):
    return {
        "good-orientation.jpg": with_exif(photo, exif(6)),
        "good-orientation-big-endian.jpg": with_exif(photo, exif(8, ">")),
        "good-orientation-truncated.jpg": with_exif(photo, exif(6)[:19]),
        "good-orientation-far.jpg": with_exif(photo, b"II*\0\xff\xff\xff\xff"),
        "good-orientation-entries.jpg": with_exif(photo, exif(6)[:8] + b"\xff\xff" + bytes(100)),
        "bad-orientation-past-end.jpg": photo[:2] + b"\xff\xe1\xff\xffExif\0\0" + photo[2:],
        "good-orientation.png": picture[:33] + png_chunk(b"eXIf", exif(5, ">")) + picture[33:],
    }


def image_files():
    palette = png_chunk(b"PLTE", bytes(range(12)))
    good_png = png_of(5, 4, 8, 2, bytes(range(15)))
    baseline = jpeg(17, 9)
    progressive = jpeg(17, 9, progressive=True)
    rows = zlib.compress(bytes(1 << 20), 9)
    return {
        "good-rgb.png": good_png,
        "good-grey.png": png_of(3, 2, 8, 0, b"abc"),
        "good-1-bit.png": png_of(9, 2, 1, 0, b"\xaa\x80"),
        "good-palette.png": png_of(4, 1, 2, 3, b"\x1b", before=palette),
        "good-rgba-16.png": png_of(2, 2, 16, 6, bytes(range(16))),
        "good-interlaced.png": png(3, 3, 8, 0, zlib.compress(bytes(40)), interlace=1),
        "good-24.bmp": bmp(2, 2, 24, bytes(range(16))),
        "good-32.bmp": bmp(2, -2, 32, bytes(range(16))),
        "good-8.bmp": bmp(4, 1, 8, bytes(range(1024)[i] % 256 for i in range(1024)) + b"\0\1\2\3", offset=1078),
        "good-baseline.jpg": baseline,
        "good-grey.jpg": jpeg(9, 9, "L"),
        "good-progressive.jpg": progressive,
        "good-restarts.jpg": jpeg(33, 9, subsampling=2),
        "good-four-colours.jpg": jpeg(9, 9, "CMYK"),
        "good-four-colours-without-adobe.jpg": jpeg(9, 9, "CMYK").replace(b"Adobe", b"Other"),
        "good-gap.bmp": bmp(2, 2, 24, bytes(26), offset=64),
        "bad-arithmetic.jpg": baseline.replace(b"\xff\xc0", b"\xff\xc9"),
        "bad-12-bit.jpg": baseline.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        "bad-apple.png": good_png[:8] + png_chunk(b"CgBI", bytes(4)) + good_png[8:],
        **short_palettes(),
        **orientation_files(baseline, good_png),
        **gif_files(),
        **plain_files(),
        "bad-no-bytes": b"",
        "bad-text": b"certainly no image",
        "bad-100000x100000.png": png(100_000, 100_000, 8, 2, rows),
        "bad-60000x60000.png": png(60_000, 60_000, 8, 2, rows),
        "bad-8000x8000.png": png(8000, 8000, 8, 2, rows),
        "bad-3800x3800.png": png(3800, 3800, 8, 0, zlib.compress(bytes(3801 * 3800), 9)),
        "bad-8000x8000-16-bit.png": png(8000, 8000, 16, 6, rows),
        "bad-2e31.png": png((1 << 31) - 1, (1 << 31) - 1, 8, 6, rows),
        "bad-0x0.png": png(0, 0, 8, 2, rows),
        "bad-short-rows.png": png(200, 200, 8, 2, zlib.compress(bytes(100))),
        "bomb.png": png(1, 1, 8, 2, zlib.compress(bytes(4 << 20), 9)),
        "bad-no-palette.png": png_of(4, 1, 2, 3, b"\x1b"),
        "bad-large-chunk.png": good_png[:33] + struct.pack(">I", 0x7FFFFFFF) + b"IDAT" + bytes(20),
        "bad-truncated.png": good_png[:-25],
        "bad-100000x100000.bmp": bmp(100_000, 100_000, 24),
        "bad-65000x65000.bmp": bmp(65_000, 65_000, 24),
        "bad-8000x8000.bmp": bmp(8000, 8000, 24),
        "bad-3000x3000.bmp": bmp(3000, 3000, 24, bytes(100)),
        "bad-8000x8000-from-the-top.bmp": bmp(8000, -8000, 24),
        "bad-negative.bmp": bmp(-5, 5, 24, bytes(100)),
        "bad-height-lowest.bmp": bmp(1, -(1 << 31), 24, bytes(100)),
        "bad-offset.bmp": bmp(2, 2, 24, bytes(16), offset=0xFFFFFFF0),
        "bad-bits.bmp": bmp(2, 2, 13, bytes(16)),
        "bad-truncated.bmp": bmp(20, 20, 24, bytes(600)),
        "bad-65500x65500.jpg": jpeg_of_size(baseline, 65_500, 65_500),
        "bad-8000x8000.jpg": jpeg_of_size(baseline, 8000, 8000),
        "bad-2000x2000.jpg": jpeg_of_size(baseline, 2000, 2000),
        "bad-8000x8000-progressive.jpg": jpeg_of_size(progressive, 8000, 8000),
        "bad-0x0.jpg": jpeg_of_size(baseline, 0, 0),
        "bad-truncated.jpg": baseline[: len(baseline) * 2 // 3],
        "bad-truncated-progressive.jpg": progressive[: len(progressive) * 2 // 3],
        "bad-scans.jpg": jpeg_of_size(jpeg_of_scans(progressive, 300), 1800, 1800),
    }


if __name__ == "__main__":
    write("safetensors", safetensors_files())
    write("model", model_files())
    write("checkpoint", checkpoint_files())
    write("cifar", cifar_files())
    write("idx", idx_files())
    write("gzip", gzip_files())
    write("image", image_files())
