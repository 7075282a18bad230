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
    "core/tensor.hpp": ["<vector>"],
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
    ("train/loop.hpp", "<CLI/CLI.hpp>"),
    ("nn/dense.hpp", '"cnnrnn/ops/missing.hpp"'),
    ("nn/dense.hpp", '"../ops/linear.hpp"'),
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
        self.assertIn("kernels/lonely.hpp: not in a room that ROOMS names", found)

    def test_a_part_outside_of_all_inner_rooms_is_found(self):
        found = check(CLEAN | {"kernels/conv2d/lonely.hpp": []})
        self.assertIn("kernels/conv2d/lonely.hpp: not in a room that INNER_ROOMS names", found)

    def test_a_room_without_a_face_is_found(self):
        found = check(CLEAN | {"kernels/loss/softmax.hpp": []})
        self.assertIn("kernels/loss/: its face kernels/loss.hpp is missing", found)

    def test_a_header_left_out_of_the_umbrella_is_found(self):
        found = check(CLEAN | {"nn/lonely.hpp": []})
        self.assertEqual(found, ["cnnrnn.hpp: does not include nn/lonely.hpp"])


if __name__ == "__main__":
    unittest.main()
