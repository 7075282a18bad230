#!/usr/bin/env bash
# Lists the lines of the headers that the tests reach, and those they miss.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/setup.sh

usage() {
  cat <<END
usage: scripts/coverage.sh [--jobs N] [--no-install] [FOLDER/NAME ...]

Builds the tests with gcc's coverage instrumentation, runs them, and lists with gcovr what share of
the lines in include/ they reach, and which lines they miss. Runs all tests except project/* unless
you name some, as in: scripts/coverage.sh ops/gemm/linear nn/layers

  --jobs N       number of parallel jobs (default: the number of cores, $(nproc))
  --no-install   do not install missing packages
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
