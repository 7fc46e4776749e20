#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and nothing else.  Must not know: what is built.
# Works as root or through sudo; does nothing when all are there.  Reads best next: tests/run.sh.
set -euo pipefail

packages=(
    cmake make pkg-config gcc g++          # building; the public headers serve C++ too
    nanopb libnanopb-dev                   # messages: generator (with python3) and library
    protobuf-compiler libprotobuf-dev      # protoc, and google/protobuf/descriptor.proto for it
    libev-dev libxxhash-dev libinih-dev    # event loop, hashes, property files
    liblmdb-dev                            # the durable store
    libc-ares-dev                          # host names, without blocking the loop
    libjansson-dev                         # JSON of the tools
    libcriterion-dev universal-ctags       # tests; ctags measures function length
    spin                                   # tests/model: looks at every state
    iproute2 nftables conntrack            # tests with real hosts: namespaces, faults, address translation
    iputils-arping                         # and a gratuitous ARP
    dpkg-dev file                          # the Debian package: finding what it depends on
)

say() { printf 'install-deps: %s\n' "$*"; }
fail() { printf 'install-deps: error: %s\n' "$*" >&2; exit 1; }

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "apt-get or dpkg-query not found: this script is for Debian; install by hand: ${packages[*]}"

is_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    say "all ${#packages[@]} packages are installed"
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null ||
        fail "neither root nor sudo; ask an administrator for: apt-get install ${missing[*]}"
    as_root=(sudo)
fi

# Quiet unless it fails; waits for another apt rather than failing on its lock.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1
}

say "updating the package lists"
apt update || say "warning: the package lists could not be updated: $(tail -n 1 "$log")"
say "installing ${missing[*]}"
if ! apt install --no-install-recommends "${missing[@]}"; then
    cat "$log" >&2
    fail "apt-get install failed (above); missing: ${missing[*]}"
fi
say "done"
