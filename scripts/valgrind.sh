#!/usr/bin/env bash
# Runs a smoke set of the tests under valgrind: what reads memory that nobody wrote.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/setup.sh

# Not what asks for more memory than there is, where valgrind ends the program, nor what flushes
# denormals, which it does not do.
smoke_set=(core/random autograd/backward kernels/gemm/gemm ops/gemm/linear ops/loss/softmax ops/pool/pooling ops/wavelet/wavelet
  ops/conv2d/fused nn/fusion nn/gru optim/optimizer data/cifar data/image data/palette
  io/safetensors train/metrics)

usage() {
  cat <<END
usage: scripts/valgrind.sh [--jobs N] [--no-install] [FOLDER/NAME ...]

Builds tests without this machine's own instructions, which valgrind may not know, and runs them
under memcheck; these, unless others are asked for:
  ${smoke_set[*]}
END
}

read_test_options "$@"

[[ $install == no ]] || install_missing "${build_packages[@]}" "${test_packages[@]}" valgrind
[[ ${#tests[@]} -gt 0 ]] || tests=("${smoke_set[@]}")
targets=("${tests[@]//\//_}")
cmake --preset valgrind
cmake --build --preset valgrind --parallel "$jobs" --target "${targets[@]/%/_test}"

# A runtime of OpenMP keeps its threads, and so their stacks, until the end: of leaks, only what
# nothing points to counts.
failed=()
for test in "${tests[@]}"; do
  echo "--- $test"
  OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive \
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite "build/valgrind/tests/${test}_test" || failed+=("$test")
done
echo "$((${#tests[@]} - ${#failed[@]})) of ${#tests[@]} tests pass under valgrind"
[[ ${#failed[@]} -eq 0 ]] || die "failed: ${failed[*]}"
