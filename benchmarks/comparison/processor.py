"""The name of the processor's design, after which a folder of results is called: AMD's and Arm's own
names, and Intel's code names. Speeds of different designs are never put into one table."""
import pathlib
import platform
import re

AMD = [  # family, models from, to
    (0x17, 0x00, 0x2f, "zen"), (0x17, 0x30, 0xff, "zen2"),
    (0x19, 0x00, 0x0f, "zen3"), (0x19, 0x10, 0x1f, "zen4"), (0x19, 0x20, 0x5f, "zen3"),
    (0x19, 0x60, 0xaf, "zen4"), (0x1a, 0x00, 0x7f, "zen5"),
]
INTEL = {  # models of family 6
    0x3c: "haswell", 0x3f: "haswell", 0x45: "haswell", 0x46: "haswell", 0x3d: "broadwell",
    0x47: "broadwell", 0x4f: "broadwell", 0x56: "broadwell", 0x4e: "skylake", 0x5e: "skylake",
    0x8e: "kaby_lake", 0x9e: "kaby_lake", 0xa5: "comet_lake", 0xa6: "comet_lake", 0x6a: "ice_lake",
    0x6c: "ice_lake", 0x7e: "ice_lake", 0x8c: "tiger_lake", 0x8d: "tiger_lake", 0xa7: "rocket_lake",
    0x97: "alder_lake", 0x9a: "alder_lake", 0xb7: "raptor_lake", 0xba: "raptor_lake",
    0xbf: "raptor_lake", 0x8f: "sapphire_rapids", 0xcf: "emerald_rapids", 0xad: "granite_rapids",
    0xae: "granite_rapids",
}
SKYLAKE_SERVERS = 0x55  # three designs, told apart by the stepping
ARM = {0xd08: "cortex_a72", 0xd0c: "neoverse_n1", 0xd40: "neoverse_v1", 0xd49: "neoverse_n2",
       0xd4f: "neoverse_v2", 0xd8e: "neoverse_n3", 0xd84: "neoverse_v3"}


def design(cpuinfo):
    """The name, from the text of /proc/cpuinfo: zen5, sapphire_rapids, neoverse_v1. An unknown
    processor is called by its maker's name for the model."""
    facts = {}
    for what, value in re.findall(r"^([^\t:]+?)\s*:[ \t]*(.*)$", cpuinfo, re.M):
        facts.setdefault(what, value)

    def number(what):
        return int(facts.get(what) or "-1", 0)

    maker, found = facts.get("vendor_id"), None
    if maker == "AuthenticAMD":
        found = amd(number("cpu family"), number("model"))
    elif maker == "GenuineIntel" and number("cpu family") == 6:
        found = intel(number("model"), number("stepping"))
    elif number("CPU implementer") == 0x41:
        found = ARM.get(number("CPU part"))
    return found or slug(facts.get("model name") or platform.machine())


def amd(family, model):
    return next((name for of, first, last, name in AMD if of == family and first <= model <= last), None)


def intel(model, stepping):
    if model == SKYLAKE_SERVERS:
        return "skylake" if stepping < 5 else "cascade_lake" if stepping < 10 else "cooper_lake"
    return INTEL.get(model)


def slug(text):
    """Lower-case words joined by underscores, without trademarks and clock rates."""
    text = re.sub(r"\((r|tm)\)|@.*|\b(cpu|processor)\b", " ", text.lower())
    return "_".join(re.findall(r"[a-z0-9]+", text)) or "unknown"


def this_design():
    return design(pathlib.Path("/proc/cpuinfo").read_text())
