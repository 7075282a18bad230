#!/usr/bin/env bash
# Which lines of the headers the tests reach.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/setup.sh

usage() {
  cat <<END
usage: scripts/coverage.sh [--jobs N] [--no-install] [FOLDER/NAME ...]

Builds the test programs with gcc's instrumentation, runs them, and lists with gcovr the share of
lines of include/ that they reach, and the lines that they do not. Beside that of all tests, that of
some can be asked for: ops/gemm/linear nn/layers.
END
}

read_test_options "$@"

[[ $install == no ]] || install_missing "${build_packages[@]}" "${test_packages[@]}" gcovr
cmake --preset coverage
if [[ ${#tests[@]} -eq 0 ]]; then
  cmake --build --preset coverage --parallel "$jobs"
  ctest --preset coverage --parallel "$jobs" --exclude-regex '^project/'
else
  for test in "${tests[@]}"; do
    cmake --build --preset coverage --parallel "$jobs" --target "${test//\//_}_test"
    ctest --preset coverage --tests-regex "^$test\$"
  done
fi
gcovr --root . --filter include/ --exclude-throw-branches build/coverage
