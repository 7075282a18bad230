"""Every package names the version of the headers, and those whose tools are here can be built and used."""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

from commands import need, run

LIBRARY_ALONE = ["-DCNNRNN_BUILD_TESTS=OFF", "-DCNNRNN_BUILD_EXAMPLES=OFF", "-DCNNRNN_BUILD_BENCHMARKS=OFF"]


def version(source):
    text = (source / "include" / "cnnrnn" / "core" / "version.hpp").read_text()
    return ".".join(re.findall(r"#define CNNRNN_VERSION_\w+ (\d+)", text))


def build_consumer(args, work, prefix):
    build = work / "consumer"
    run("cmake", "-S", args.source / "examples" / "consumer", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    run(build / "consumer")


def versions(args, _work):
    packaging, expected = args.source / "packaging", version(args.source)
    major, minor, _ = expected.split(".")
    namespace = (args.source / "include" / "cnnrnn" / "core" / "namespace.hpp").read_text()
    incompatible = f"v{major}_{minor}" if major == "0" else f"v{major}"
    assert f"  inline namespace {incompatible} {{" in namespace, incompatible
    citation, changes = ((args.source / name).read_text() for name in ("CITATION.cff", "CHANGELOG.md"))
    released = re.search(r"^## \[([0-9.]+)\] - (\S+)$", changes, re.M)
    assert f"\ndate-released: {released.group(2)}\n" in citation, released
    found = {
        "CHANGELOG.md": released.group(1),
        "vcpkg": json.loads((packaging / "vcpkg" / "cnnrnn" / "vcpkg.json").read_text())["version"],
        "Debian": re.match(r"cnnrnn \((.*?)\)", (packaging / "debian" / "changelog").read_text()).group(1),
        "CITATION.cff": re.search(r"^version: (.*)$", citation, re.M).group(1)}
    assert all(value == expected for value in found.values()), (expected, found)
    for document in ("README.md", "docs/installing.md", "examples/consumer/CMakeLists.txt"):
        assert f"find_package(cnnrnn {major}.{minor} REQUIRED)" in (args.source / document).read_text(), document


def uninstall(args, work):
    """What is installed is removed, and nothing else."""
    build, prefix = work / "build", work / "prefix"
    other = prefix / "include" / "other.hpp"
    other.parent.mkdir(parents=True)
    other.write_text("of somebody else")
    run("cmake", "-S", args.source, "-B", build, *LIBRARY_ALONE)
    assert "expected" in subprocess.run(["cmake", "--build", build, "--target", "uninstall"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    run("cmake", "--install", build, "--prefix", prefix)
    assert (prefix / "include" / "cnnrnn" / "cnnrnn.hpp").exists()
    run("cmake", "--build", build, "--target", "uninstall")
    left = [path for path in prefix.rglob("*") if path.is_file() or "cnnrnn" in path.name]
    assert left == [other], left


def copy_sources(args, folder):
    shutil.copytree(args.source, folder, symlinks=True,
                    ignore=shutil.ignore_patterns(".git", "build", "runs", "tests", "*.safetensors"))


PROGRAM = """#include <cnnrnn/core/build_info.hpp>
#include <iostream>
int main() { std::cout << cnnrnn::kernels::build_info().instruction_set << std::endl; }
"""


def empty_sources(source):
    """In place of the example programs one that says what it was compiled for, and others that do nothing."""
    for file in [*(source / "examples").rglob("*.cpp"), *(source / "cmake" / "instances").iterdir()]:
        file.write_text("int main() {}\n" if file.parent.name == "examples" else "")
    (source / "examples" / "classify.cpp").write_text(PROGRAM)


def debian(args, work):
    need("dpkg-buildpackage", "dh", "dpkg-deb")
    source = work / "cnnrnn"
    copy_sources(args, source)
    shutil.copytree(args.source / "packaging" / "debian", source / "debian")
    empty_sources(source)
    run("dpkg-buildpackage", "--no-sign", "--build=binary", "--no-check-builddeps", cwd=source,
        env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck noautodbgsym", "DEB_CXXFLAGS_APPEND": "-O0"})
    packages = sorted(work.glob("*.deb"))
    names = [package.name.replace(version(args.source), "VERSION").rpartition("_")[0] for package in packages]
    assert names == ["cnnrnn-programs_VERSION", "libcnnrnn-dev_VERSION"], packages
    assert packages[1].name.endswith("_all.deb"), packages
    for package in packages:
        run("dpkg-deb", "--extract", package, work / "unpacked")
    check_programs(work / "unpacked" / "usr")
    shutil.rmtree(source / "examples")
    build_consumer(args, work, work / "unpacked" / "usr")


def check_programs(prefix):
    """Each is begun by its link, and is what CNNRNN_ISA says."""
    found = sorted(path.name for path in (prefix / "bin").iterdir())
    assert found == ["cifar10_cnn_rnn", "cifar10_resnet20", "cifar10_speedrun", "cifar10_vgg9", "cnnrnn-classify",
                     "cnnrnn-inspect"], found
    if platform.machine() == "x86_64":
        said = run(prefix / "bin" / "cnnrnn-classify", env={"CNNRNN_ISA": "x86-64-v2"})
        assert said == "sse4\n", said
    for program in found:
        run(prefix / "bin" / program)


def archives(args, work):
    """CPack's: the programs have their builds beside them, and the headers serve a consumer."""
    source, build, unpacked = work / "cnnrnn", work / "build", work / "unpacked"
    copy_sources(args, source)
    empty_sources(source)
    run("cmake", "-S", source, "-B", build, "-DCNNRNN_BUILD_TESTS=OFF", "-DCNNRNN_BUILD_BENCHMARKS=OFF",
        "-DCNNRNN_MPI=OFF", "-DCNNRNN_NATIVE=OFF", "-DCNNRNN_MULTIARCH=ON", "-DCMAKE_CXX_FLAGS_RELEASE=-O0")
    run("cmake", "--build", build, "--target", "package")
    found = sorted(path.name for path in build.glob("*.tar.gz"))
    name = f"cnnrnn-{version(args.source)}"
    assert found == [f"{name}-headers.tar.gz", f"{name}-programs-linux-{platform.machine()}.tar.gz"], found
    unpacked.mkdir()
    for archive in found:
        run("tar", "--extract", "--strip-components=1", "--directory", unpacked, "--file", build / archive)
    said = run(unpacked / "bin" / "classify")
    assert said.startswith(("avx", "sse", "neon")), said
    build_consumer(args, work, unpacked)


EIGEN = """
from conan import ConanFile
class Eigen(ConanFile):
    name, version, package_type = "eigen", "3.4.0", "header-library"
    def package_info(self):
        self.cpp_info.includedirs = [{folder!r}]
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "Eigen3")
        self.cpp_info.set_property("cmake_target_name", "Eigen3::Eigen")
"""


def conan(args, work):
    """With a recipe for the Eigen that is installed, so that nothing is downloaded."""
    need("conan")
    (work / "eigen").mkdir()
    (work / "eigen" / "conanfile.py").write_text(EIGEN.format(folder=str(args.eigen)))
    environment = {**os.environ, "CONAN_HOME": str(work / "home")}
    run("conan", "profile", "detect", env=environment)
    copy_sources(args, work / "cnnrnn")
    for recipe in (work / "eigen", work / "cnnrnn" / "packaging" / "conan"):
        run("conan", "create", recipe, "--no-remote", "-s", "compiler.cppstd=20", env=environment)


WAYS = {function.__name__: function for function in (versions, uninstall, debian, archives, conan)}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--source", type=pathlib.Path, required=True)
parser.add_argument("--eigen", type=pathlib.Path, required=True)
parser.add_argument("way", choices=WAYS)
arguments = parser.parse_args()
with tempfile.TemporaryDirectory() as folder:
    WAYS[arguments.way](arguments, pathlib.Path(folder))
print(f"{arguments.way}: as expected")
