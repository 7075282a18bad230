"""Checks that every header includes only what its folder may see, and that kernels/ keeps the order
of its rooms (docs/architecture.md).

usage: includes.py INCLUDE_DIR
"""

import pathlib
import re
import sys

# What the headers of a folder may include of the project: folders, or single headers of one. There
# are no other folders; the headers beside them may see all.
VISIBLE = {
    "system": {"core/namespace.hpp", "system"},
    "core": {"system", "core"},
    "kernels": {"system", "core", "kernels"},
    "autograd": {"system", "core", "autograd"},
    "ops": {"system", "core", "kernels", "autograd", "ops"},
    "nn": {"system", "core", "autograd", "ops", "nn"},
    "optim": {"system", "core", "kernels", "autograd", "nn", "optim"},
    "data": {"system", "core", "data"},
    "io": {"system", "core", "autograd", "nn", "optim", "data", "io"},
    "train": {"system", "core", "autograd", "ops", "nn", "optim", "data", "io", "train"},
    "distributed": {"system", "core", "autograd", "ops", "nn", "optim", "data", "io", "train", "distributed"},
}

# The rooms of kernels/. A room may use those of the lines below its own, none beside it or above.
# Room X is the folder kernels/X and its face kernels/X.hpp, or that header alone.
ROOMS = (
    ("conv_lstm",),
    ("conv2d", "recurrent"),
    ("gemm", "norm"),
    ("layout", "loss", "optimizer", "pointwise", "pool", "resample", "wavelet"),
    ("reduction",),
    ("loops",),
)

# The rooms inside a room, where the same rule holds.
INNER_ROOMS = {
    "conv2d": (
        ("few_outputs", "in_pairs", "pieces"),
        ("columns", "depthwise", "direct", "product", "winograd"),
        ("algorithm", "in_float"),
        ("output", "tap_order", "taps_inside"),
        ("dims",),
        ("options",),
    ),
}

# Headers of others and of the system, and the only places of the project that may include them.
OTHERS = {
    r"(eigen3/)?(unsupported/)?Eigen/": r"core/",
    r"omp\.h$": r"core/",
    r"nlohmann/": r"io/",
    r"(stb/)?stb_": r"data/(stb_image|image|gzip)\.hpp$",
    r"(sys/|unistd|fcntl|pthread|signal\.h|io\.h|windows)": r"system/(posix/|windows/|huge_pages\.hpp)",
    r"mpi\.h$": r"distributed/communicator\.hpp$",
    r"(CLI|catch2|benchmark|torch|ATen|c10|opencv2?)/": r"$^",
}

# Opt-in, and so is everything that includes one of them: not in cnnrnn.hpp.
OPT_IN = r"core/(symmetric_)?eigen\.hpp$|nn/profiler\.hpp$|instances\.hpp$|data/(stb_image|stb_memory|byte_reader|image|gzip)\.hpp$|data/image/|system/(posix/|windows/)?paths\.hpp$|io/|distributed/"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
UNCLEAR = re.compile(r'^\s*(#|%:)\s*(include|include_next|import)\b')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
UMBRELLA = "cnnrnn.hpp"


def read_includes(root):
    """{header: [(line number, included name)]}, headers named from include/cnnrnn/ on. A name in quotes
    that does not begin with cnnrnn/, and a line that is not plain, come with what is odd in front."""
    includes = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        text = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"),
                           path.read_text(encoding="utf-8").replace("\\\n", " "))
        names = []
        for number, line in enumerate(text.splitlines(), 1):
            plain = INCLUDE.match(line)
            if plain and (plain[1] or plain[2].startswith("cnnrnn/")):
                names.append((number, plain[1] or plain[2]))
            elif plain or UNCLEAR.match(line):
                names.append((number, "odd: " + line.strip()))
        includes[path.relative_to(root).as_posix()] = names
    return includes


def reachable(start, edges):
    seen, pending = set(), [start]
    while pending:
        for header in edges.get(pending.pop(), ()):
            if header not in seen:
                seen.add(header)
                pending.append(header)
    return seen


def line_of(room, rooms):
    """The line of `rooms` that a room stands in, or None."""
    return next((line for line, names in enumerate(rooms) if room in names), None)


def split_rooms(header):
    """A header of kernels/ as its room and what lies in it: conv2d and winograd/block, or ""."""
    room, _, inside = header.removeprefix("kernels/").removesuffix(".hpp").partition("/")
    return room, inside


def check_rooms(header, target):
    """What is wrong with `header` including `target`, a header of kernels/, or None."""
    if not header.startswith("kernels/"):
        return None if target.count("/") == 1 else "include the face of the room, kernels/ROOM.hpp"
    if header.startswith(target.removesuffix(".hpp") + "/"):
        return "a part may not include the face of its own room"
    rooms, (room, inside), (used, used_inside) = ROOMS, split_rooms(header), split_rooms(target)
    if room == used:
        if room not in INNER_ROOMS or not inside:
            return None
        rooms, room, used = INNER_ROOMS[room], inside.split("/")[0], used_inside.split("/")[0]
    line, used_line = line_of(room, rooms), line_of(used, rooms)
    if None not in (line, used_line) and room != used and used_line <= line:
        return f"the room {room} may not use {used}: it is not below {room}"
    return None


def check_faces(edges):
    """Every header of kernels/ is in a room, every folder has a face beside it that leads to all of its
    parts, and every room that the lists name is there."""
    headers = sorted(header for header in edges if header.startswith("kernels/"))
    problems = []
    for header in headers:
        room, inside = split_rooms(header)
        inner = INNER_ROOMS.get(room)
        if line_of(room, ROOMS) is None:
            problems.append(f"{header}: belongs to no room in ROOMS")
        elif inside and inner and line_of(inside.split("/")[0], inner) is None:
            problems.append(f"{header}: belongs to no room in INNER_ROOMS")
        face = header.rpartition("/")[0] + ".hpp"
        if inside and face not in edges:
            problems.append(f"{header}: its face {face} is missing")
        elif inside and header not in reachable(face, edges):
            problems.append(f"{header}: its face {face} does not lead to it")
    return problems


def check_names(edges):
    """No folder and no kind of file that nobody has thought of, and no room that is not there."""
    folders = {header.split("/")[0] for header in edges if "/" in header}
    rooms = {split_rooms(header)[0] for header in edges if header.startswith("kernels/")}
    named = {room for line in ROOMS for room in line}
    return [f"{folder}/: VISIBLE does not say what it may include"
            for folder in sorted(folders - set(VISIBLE))] + [
        f"{header}: not a header" for header in sorted(edges) if not header.endswith(".hpp")] + [
        f"ROOMS: there is no room {room}" for room in sorted(named - rooms)]


def check_cycles(edges):
    """No header includes itself through others."""
    return [f"{header}: includes itself through others" for header in sorted(edges)
            if header in reachable(header, edges)]


def check_line(header, name, headers):
    """What is wrong with the one #include of `name` in `header`, or None."""
    folder = header.split("/")[0]
    if name.startswith("odd: "):
        return 'write #include <...>, or "cnnrnn/..." with the whole path'
    if name.startswith("cnnrnn/"):
        target = name.removeprefix("cnnrnn/")
        if target not in headers:
            return "there is no such header"
        visible = VISIBLE.get(folder, {target})
        if target not in visible and target.split("/")[0] not in visible:
            return f"{folder}/ may include only {', '.join(sorted(VISIBLE[folder]))}"
        if target.startswith("kernels/"):
            return check_rooms(header, target)
    for pattern, places in OTHERS.items():
        if re.match(pattern, name) and not re.match(places, header):
            return "a header of others that is not allowed here"
    return None


def check_umbrella(edges):
    """cnnrnn.hpp has everything but the opt-in headers."""
    if UMBRELLA not in edges:
        return [f"{UMBRELLA}: missing"]
    opt_in = {h for h in edges if any(re.match(OPT_IN, x) for x in {h} | reachable(h, edges))}
    opt_in.discard(UMBRELLA)
    has = reachable(UMBRELLA, edges)
    wanted = set(edges) - opt_in - {UMBRELLA}
    return [f"{UMBRELLA}: does not include {h}" for h in sorted(wanted - has)] + [
        f"{UMBRELLA}: includes {h}, which is opt-in" for h in sorted(has & opt_in)
    ]


def check(include_dir):
    """All violations under include_dir, one line of text each."""
    includes = read_includes(pathlib.Path(include_dir) / "cnnrnn")
    problems = []
    for header, lines in includes.items():
        for number, name in lines:
            problem = check_line(header, name, includes)
            if problem:
                problems.append(f"{header}:{number}: #include {name}: {problem}")
    edges = {
        header: [n.removeprefix("cnnrnn/") for _, n in lines if n.startswith("cnnrnn/")]
        for header, lines in includes.items()
    }
    return (problems + check_names(edges) + check_faces(edges) + check_cycles(edges)
            + check_umbrella(edges))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = check(sys.argv[1])
    print("\n".join(found) or "every include is in order")
    sys.exit(1 if found else 0)
