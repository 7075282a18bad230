#!/usr/bin/env bash
# Runs a smoke set of the tests under valgrind, which detects the use of uninitialised memory.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/setup.sh

# Without tests that ask for more memory than there is, because valgrind then ends the program, and
# without tests that flush denormals, because valgrind does not flush them.
smoke_set=(core/random autograd/backward kernels/gemm/gemm ops/gemm/linear ops/loss/softmax
  ops/pool/pooling ops/wavelet/wavelet ops/conv2d/fused nn/fusion nn/gru optim/optimizer data/cifar data/image data/palette
  io/safetensors train/metrics)

usage() {
  cat <<END
usage: scripts/valgrind.sh [--jobs N] [--no-install] [FOLDER/NAME ...]

Builds tests without -march=native, since valgrind may not know all instructions of this machine,
and runs them under memcheck. Runs these tests unless you name others:
  ${smoke_set[*]}

  --jobs N       number of parallel jobs of the build (default: the number of cores, $(nproc))
  --no-install   do not install missing packages
END
}

read_test_options "$@"

[[ $install == no ]] || install_missing "${build_packages[@]}" "${test_packages[@]}" valgrind
[[ ${#tests[@]} -gt 0 ]] || tests=("${smoke_set[@]}")
targets=("${tests[@]//\//_}")
cmake --preset valgrind
cmake --build --preset valgrind --parallel "$jobs" --target "${targets[@]/%/_test}"

# The OpenMP runtime keeps its threads and their stacks until the program ends, so only definite
# leaks count: memory that nothing points to.
failed=()
for test in "${tests[@]}"; do
  echo "--- $test"
  OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive \
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite "build/valgrind/tests/${test}_test" || failed+=("$test")
done
echo "$((${#tests[@]} - ${#failed[@]})) of ${#tests[@]} tests pass under valgrind"
[[ ${#failed[@]} -eq 0 ]] || die "failed: ${failed[*]}"
