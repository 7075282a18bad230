#!/usr/bin/env bash
# Builds everything and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/setup.sh

preset=release
jobs=$(nproc)
install=yes

usage() {
  cat <<END
usage: scripts/test.sh [--preset NAME] [--jobs N] [--no-install]

Installs missing packages with apt, configures, builds, and runs all tests with ctest.

  --preset NAME  release (the default), dev, asan, integer, tsan or mingw
  --jobs N       number of parallel jobs (default: the number of cores, $jobs)
  --no-install   do not install missing packages
END
}

while [[ $# -gt 0 ]]; do
  case $1 in
    --preset | --jobs)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    --no-install) install=no ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

if [[ $install == yes ]]; then
  install_missing "${build_packages[@]}" "${test_packages[@]}"
  case $preset in
    asan | integer | tsan) install_missing "$(sanitizer_packages)" ;;
  esac
fi
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$jobs"
ctest --preset "$preset" --parallel "$jobs" --output-on-failure
