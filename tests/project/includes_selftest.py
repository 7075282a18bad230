"""Plants violations in a small tree and expects includes.py to find each of them."""

import pathlib
import tempfile
import unittest

import includes

CLEAN = {
    "cnnrnn.hpp": [
        "<cnnrnn/kernels/conv2d.hpp>", "<cnnrnn/kernels/loops.hpp>", "<cnnrnn/kernels/norm.hpp>",
        "<cnnrnn/kernels/recurrent.hpp>",
        "<cnnrnn/nn/dense.hpp>", "<cnnrnn/train/loop.hpp>"],
    "core/tensor.hpp": ["<vector>", '"cnnrnn/system/files.hpp"'],
    "core/namespace.hpp": [],
    "system/files.hpp": ['"cnnrnn/system/posix/files.hpp"'],
    "system/posix/files.hpp": ["<sys/stat.h>", '"cnnrnn/core/namespace.hpp"'],
    "core/simd.hpp": ["<Eigen/Core>"],
    "core/eigen.hpp": ["<Eigen/Core>", '"cnnrnn/core/tensor.hpp"'],
    "kernels/conv2d.hpp": [
        '"cnnrnn/kernels/conv2d/columns.hpp"', '"cnnrnn/kernels/conv2d/winograd.hpp"'],
    "kernels/conv2d/winograd.hpp": [
        '"cnnrnn/kernels/conv2d/winograd/block.hpp"', '"cnnrnn/kernels/conv2d/output.hpp"'],
    "kernels/conv2d/winograd/block.hpp": ['"cnnrnn/kernels/gemm/tile.hpp"'],
    "kernels/conv2d/output.hpp": ['"cnnrnn/kernels/pointwise/relu.hpp"'],
    "kernels/conv2d/columns.hpp": ['"cnnrnn/kernels/gemm.hpp"'],
    "kernels/gemm.hpp": ['"cnnrnn/kernels/gemm/tile.hpp"'],
    "kernels/gemm/tile.hpp": ['"cnnrnn/core/simd.hpp"', '"cnnrnn/kernels/loops/lanes.hpp"'],
    "kernels/loops.hpp": ['"cnnrnn/kernels/loops/lanes.hpp"'],
    "kernels/loops/lanes.hpp": [],
    "kernels/norm.hpp": ['"cnnrnn/kernels/pointwise.hpp"'],
    "kernels/recurrent.hpp": ['"cnnrnn/kernels/gemm.hpp"'],
    "kernels/pointwise.hpp": ['"cnnrnn/kernels/pointwise/relu.hpp"'],
    "kernels/pointwise/relu.hpp": ['"cnnrnn/kernels/loops/lanes.hpp"'],
    "autograd/variable.hpp": ['"cnnrnn/core/tensor.hpp"'],
    "ops/linear.hpp": ['"cnnrnn/kernels/gemm.hpp"', '"cnnrnn/autograd/variable.hpp"'],
    "nn/dense.hpp": ['"cnnrnn/ops/linear.hpp"'],
    "data/stb_image.hpp": ["<stb/stb_image.h>"],
    "data/image.hpp": ['"cnnrnn/data/stb_image.hpp"'],
    "io/json.hpp": ["<nlohmann/json.hpp>"],
    "train/loop.hpp": ['"cnnrnn/nn/dense.hpp"'],
}

# The other rooms of kernels/, of a header each.
for room in {room for line in includes.ROOMS for room in line}:
    if f"kernels/{room}.hpp" not in CLEAN:
        CLEAN[f"kernels/{room}.hpp"] = []
        CLEAN["cnnrnn.hpp"].append(f"<cnnrnn/kernels/{room}.hpp>")

PLANTED = [
    ("core/tensor.hpp", '"cnnrnn/kernels/gemm.hpp"'),
    ("kernels/gemm.hpp", '"cnnrnn/autograd/variable.hpp"'),
    ("kernels/gemm.hpp", '"cnnrnn/ops/linear.hpp"'),
    ("kernels/loops/lanes.hpp", '"cnnrnn/kernels/pointwise/relu.hpp"'),
    ("kernels/gemm/tile.hpp", '"cnnrnn/kernels/norm.hpp"'),
    ("kernels/gemm/tile.hpp", '"cnnrnn/kernels/gemm.hpp"'),
    ("kernels/conv2d/output.hpp", '"cnnrnn/kernels/conv2d/winograd/block.hpp"'),
    ("kernels/conv2d/winograd/block.hpp", '"cnnrnn/kernels/conv2d/winograd.hpp"'),
    ("kernels/conv2d/winograd/block.hpp", '"cnnrnn/kernels/conv2d.hpp"'),
    ("kernels/conv2d/winograd/block.hpp", '"cnnrnn/kernels/conv2d/columns.hpp"'),
    ("kernels/recurrent.hpp", '"cnnrnn/kernels/conv2d/winograd/block.hpp"'),
    ("autograd/variable.hpp", '"cnnrnn/kernels/gemm.hpp"'),
    ("ops/linear.hpp", '"cnnrnn/kernels/gemm/tile.hpp"'),
    ("ops/linear.hpp", '"cnnrnn/nn/dense.hpp"'),
    ("nn/dense.hpp", '"cnnrnn/kernels/gemm.hpp"'),
    ("nn/dense.hpp", "<Eigen/Core>"),
    ("train/loop.hpp", "<nlohmann/json.hpp>"),
    ("train/loop.hpp", "<stb_image.h>"),
    ("train/loop.hpp", "<unistd.h>"),
    ("system/files.hpp", "<windows.h>"),
    ("system/posix/files.hpp", '"cnnrnn/core/tensor.hpp"'),
    ("train/loop.hpp", "<CLI/CLI.hpp>"),
    ("nn/dense.hpp", '"cnnrnn/ops/missing.hpp"'),
    ("nn/dense.hpp", '"../ops/linear.hpp"'),
    ("kernels/pointwise/relu.hpp", '"sigmoid.hpp"'),
    ("kernels/pointwise/relu.hpp", "RELU_HEADER"),
    ("kernels/gemm/tile.hpp", "<eigen3/Eigen/Core>"),
    ("kernels/loops/lanes.hpp", '"cnnrnn/kernels/loops/lanes.hpp"'),
    ("cnnrnn.hpp", "<cnnrnn/kernels/pointwise/relu.hpp>"),
    ("cnnrnn.hpp", "<cnnrnn/data/image.hpp>"),
    ("cnnrnn.hpp", "<cnnrnn/core/eigen.hpp>"),
]


def check(tree):
    with tempfile.TemporaryDirectory() as folder:
        for header, names in tree.items():
            path = pathlib.Path(folder, "cnnrnn", header)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"#include {name}\n" for name in names), encoding="utf-8")
        return includes.check(folder)


class IncludesSelfTest(unittest.TestCase):
    def test_a_clean_tree_passes(self):
        self.assertEqual(check(CLEAN), [])

    def test_each_planted_include_is_found(self):
        for header, name in PLANTED:
            with self.subTest(header=header, name=name):
                found = check(CLEAN | {header: CLEAN[header] + [name]})
                self.assertTrue(any(problem.startswith(header) for problem in found), found)

    def test_a_header_outside_of_all_rooms_is_found(self):
        found = check(CLEAN | {"kernels/lonely.hpp": []})
        self.assertIn("kernels/lonely.hpp: belongs to no room in ROOMS", found)

    def test_a_part_outside_of_all_inner_rooms_is_found(self):
        found = check(CLEAN | {"kernels/conv2d/lonely.hpp": []})
        self.assertIn("kernels/conv2d/lonely.hpp: belongs to no room in INNER_ROOMS", found)

    def test_a_part_that_its_face_does_not_lead_to_is_found(self):
        found = check(CLEAN | {"kernels/pointwise/gelu.hpp": []})
        self.assertIn("kernels/pointwise/gelu.hpp: its face kernels/pointwise.hpp does not lead to it",
                      found)

    def test_folders_files_and_rooms_that_nobody_has_thought_of_are_found(self):
        self.assertIn("models/: VISIBLE does not say what it may include",
                      check(CLEAN | {"models/vgg.hpp": []}))
        self.assertIn("ops/linear.inc: not a header", check(CLEAN | {"ops/linear.inc": []}))
        without = {header: names for header, names in CLEAN.items() if header != "kernels/loss.hpp"}
        self.assertIn("ROOMS: there is no room loss", check(without))

    def test_other_spellings_are_found(self):
        for line in ("#import <Eigen/Core>", "%:include <Eigen/Core>", "/* */ #include <Eigen/Core>",
                     "#\\\ninclude <Eigen/Core>"):
            with self.subTest(line=line), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "cnnrnn", "nn", "dense.hpp")
                path.parent.mkdir(parents=True)
                path.write_text(line + "\n", encoding="utf-8")
                self.assertTrue(any(problem.startswith("nn/dense.hpp:")
                                    for problem in includes.check(folder)))

    def test_a_room_without_a_face_is_found(self):
        found = check(CLEAN | {"kernels/pool/max/rows.hpp": []})
        self.assertIn("kernels/pool/max/rows.hpp: its face kernels/pool/max.hpp is missing", found)

    def test_a_header_left_out_of_the_umbrella_is_found(self):
        found = check(CLEAN | {"nn/lonely.hpp": []})
        self.assertEqual(found, ["cnnrnn.hpp: does not include nn/lonely.hpp"])


if __name__ == "__main__":
    unittest.main()
