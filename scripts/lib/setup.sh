# shellcheck shell=bash disable=SC2034
# Sourced by the scripts: the packages they need, and the functions they share.

build_packages=(g++ cmake ninja-build libeigen3-dev libcli11-dev nlohmann-json3-dev libstb-dev
  python3 python3-numpy python3-matplotlib dataset-fashion-mnist)
# The tests of the API reference also look at it in chromium, which is large, where it is installed.
test_packages=(clang clang-tidy debhelper libomp-dev pkg-config catch2 libbenchmark-dev libdnnl-dev python3-scipy
  python3-torch python3-torchvision doxygen libopenmpi-dev openmpi-bin libmpich-dev mpich iproute2)
if [[ $(uname -m) != aarch64 ]]; then
  test_packages+=(g++-aarch64-linux-gnu qemu-user-static)  # to run the NEON kernels, and programs of older processors
  test_packages+=(g++-mingw-w64-x86-64-posix wine64)       # to build and run programs for Windows
  test_packages+=(clang-19 libc++-19-dev libc++abi-19-dev)
fi

# The package with the runtimes of clang's sanitizers; its name contains clang's version.
sanitizer_packages() {
  echo "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"
}

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# install_missing PACKAGE...: installs missing packages with apt, without asking.
install_missing() {
  command -v dpkg-query >/dev/null ||
    die "this is not Debian: install the equivalents of '$*' and pass --no-install"

  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  command -v apt-get >/dev/null || die "cannot find apt-get; missing packages: ${missing[*]}"
  local as_root=()
  if [[ $EUID -ne 0 ]]; then
    as_root=(sudo)
    command -v sudo >/dev/null || die "cannot find sudo; run as root: apt-get install ${missing[*]}"
  fi

  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update --quiet --quiet
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}"
}

# python_with MODULE...: prints the first interpreter that can import the modules. An interpreter
# from pyenv or conda may come first in the PATH and not see the distribution's packages.
python_with() {
  local candidate modules
  modules=$(IFS=,; echo "$*")
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c "import $modules" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  die "cannot find a Python 3 that can import ${modules}"
}

# read_test_options ARGUMENT...: parses --jobs, --no-install and test names into the variables jobs,
# install and tests.
read_test_options() {
  jobs=$(nproc)
  install=yes
  tests=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --jobs)
        [[ $# -ge 2 ]] || die "$1 needs a value"
        jobs=$2
        shift
        ;;
      --no-install) install=no ;;
      -h | --help) usage && exit ;;
      -*) usage >&2 && exit 2 ;;
      *) tests+=("$1") ;;
    esac
    shift
  done
}
