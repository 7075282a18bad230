#!/usr/bin/env bash
# From a fresh clone to a trained CNN-RNN, unattended: installs, builds, names what is on a photo,
# trains, shows the result.
set -euo pipefail
source "$(dirname "$0")/lib/setup.sh"

out=runs/demo
install=yes
photos=()

# About two minutes of training on two cores.
train=(train --data auto --rnn lstm --epochs 3 --limit 25000 --overwrite --out "$out")
evaluate=(evaluate --data auto --checkpoint "$out/checkpoint.safetensors" --samples 32 --out "$out")

usage() {
  cat <<END
usage: scripts/demo.sh [--no-install] [PHOTO...]

Installs missing packages with apt, names what is on photos, of a cat if you give none, with a network
that comes trained; then builds the CNN-RNN, trains it for about two minutes on two cores and shows
the result. Uses CIFAR-10 from \$CNNRNN_DATA_DIR or ./data if it is there, otherwise
Fashion-MNIST from its Debian package. Writes only to build/ and $out/.

  --no-install   do not install missing packages
END
}

for argument in "$@"; do
  case $argument in
    --no-install) install=no ;;
    -h | --help) usage && exit ;;
    -*) usage >&2 && exit 2 ;;
    *) photos+=("$(realpath "$argument")") ;;
  esac
done
cd "$(dirname "$0")/.."
[[ ${#photos[@]} -gt 0 ]] || photos=(examples/pretrained/cat.jpg)

[[ $install == no ]] || install_missing "${build_packages[@]}"
python=$(python_with numpy matplotlib)

# Configuring the preset without these two options turns tests and benchmarks on again.
cmake --preset release -DCNNRNN_BUILD_TESTS=OFF -DCNNRNN_BUILD_BENCHMARKS=OFF
cmake --build --preset release --target cifar10_speedrun
build/release/examples/cifar10_speedrun predict --checkpoint examples/pretrained/cifar10_94.safetensors \
  "${photos[@]}"

cmake --build --preset release --target cifar10_cnn_rnn
program=build/release/examples/cifar10_cnn_rnn

"$program" "${train[@]}"
evaluation=$("$program" "${evaluate[@]}")
"$python" examples/plot.py "$out"

echo
grep --only-matching 'test accuracy .*' <<<"$evaluation"
echo "history:     $out/history.png"
echo "predictions: $out/predictions.png"
