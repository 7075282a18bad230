"""Packs the headers for Conan 2, from the sources that this recipe came with."""
import pathlib

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class CnnrnnRecipe(ConanFile):
    name = "cnnrnn"
    description = "Header-only C++20 deep learning for the CPU: CNN-RNN image classifiers"
    license = "MIT"
    topics = ("deep-learning", "cpu", "header-only", "convolutional-neural-network")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    @property
    def project(self):
        return pathlib.Path(self.recipe_folder).parents[1]

    def set_version(self):
        text = load(self, self.project / "include" / "cnnrnn" / "core" / "version.hpp")
        numbers = [line.split()[2] for line in text.splitlines()
                   if line.startswith("#define CNNRNN_VERSION_")]
        self.version = ".".join(numbers)

    def export_sources(self):
        for pattern in ("include/*.hpp", "LICENSE"):
            copy(self, pattern, self.project, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("eigen/[>=3.4 <6]")

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder) / "licenses")
        copy(self, "*.hpp", pathlib.Path(self.source_folder) / "include",
             pathlib.Path(self.package_folder) / "include")

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
