"""Plants an op, a module and messages without tests in a small tree; op_tables.py must find them."""

import pathlib
import tempfile
import unittest
from unittest import mock

import op_tables

HEADERS = {
    "cnnrnn/ops/twice.hpp": """
namespace detail {
inline Index hidden(const Shape& x) { return x[0]; }
}  // namespace detail
// Variable<T> commented(const Variable<T>& x);
template <class T>
Variable<T> twice(const Variable<T>& x) {
  require<ShapeError>(x.rank() > 0, "twice: expected a rank of 1 or more, got ", x);
}
""",
    "cnnrnn/nn/twice.hpp": """
template <class T>
class Twice : public Layer<T> {
};
""",
}
TESTS = {
    "ops/twice_test.cpp": """
check_op("twice", {}, {throws<ShapeError>(f, "twice: expected a rank of 1 "
                                             "or more, got ()")});
check_op(
    "Twice", {});
""",
}


def check(headers, tests, without_test=()):
    with tempfile.TemporaryDirectory() as folder:
        for kind, files in (("include", headers), ("tests", tests)):
            for name, text in files.items():
                path = pathlib.Path(folder, kind, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        with mock.patch.multiple(op_tables, WITHOUT_TABLE={}, WITHOUT_TEST=without_test):
            return op_tables.check(f"{folder}/include", f"{folder}/tests")


def changed(files, old, new):
    return {name: text.replace(old, new) for name, text in files.items()}


class OpTablesSelfTest(unittest.TestCase):
    def assert_found(self, headers, tests, part):
        found = check(headers, tests)
        self.assertTrue(any(part in problem for problem in found), found)

    def test_a_tree_with_all_its_tables_passes(self):
        self.assertEqual(check(HEADERS, TESTS), [])

    def test_an_op_and_a_module_without_a_table_are_found(self):
        self.assert_found(HEADERS, changed(TESTS, '"twice",', '"thrice",'), "twice: no test has")
        self.assert_found(HEADERS, changed(TESTS, '"Twice",', '"Thrice",'), "Twice: no test has")

    def test_a_table_in_a_comment_does_not_count(self):
        self.assert_found(HEADERS, changed(TESTS, 'check_op("twice"', '// check_op("twice"'),
                          "twice: no test has")

    def test_a_new_op_is_found(self):
        new = {"cnnrnn/ops/half.hpp": "template <class T>\nVariable<T> half(const Variable<T>& x);"}
        self.assert_found(HEADERS | new, TESTS, "half: no test has")

    def test_a_message_that_no_test_has_is_found(self):
        self.assert_found(HEADERS, changed(TESTS, "a rank of 1", "any rank"), "no test has the message")

    def test_a_message_of_another_folder_is_found(self):
        new = {"cnnrnn/train/run.hpp": 'require<ValueError>(ok, "run: expected a path, got ", path);'}
        self.assert_found(HEADERS | new, TESTS, 'no test has the message "...run: expected')

    def test_a_message_of_a_reader_counts_without_the_path_in_front(self):
        new = {"cnnrnn/io/half.hpp": 'if (size % 2 != 0) {\n  fail(path, ": expected an even size");\n}'}
        self.assert_found(HEADERS | new, TESTS, 'no test has the message "...expected an even size..."')
        test = {"io/half_test.cpp": 'CHECK(error == "expected an even size");'}
        self.assertEqual(check(HEADERS | new, TESTS | test), [])
        self.assertEqual(check(HEADERS | new, TESTS, {"expected an even size": "why"}), [])

    def test_an_exception_that_is_none_is_found(self):
        self.assertIn('"old": named as without a test, but there is no such message',
                      check(HEADERS, TESTS, {"old": "why"}))
        piece = "twice: expected a rank of 1 or more, got "
        self.assertIn(f'"{piece}": named as without a test, but there is one',
                      check(HEADERS, TESTS, {piece: "why"}))


if __name__ == "__main__":
    unittest.main()
