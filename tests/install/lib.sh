# What the scripts of this folder share.  Must not know: what they test.  Reads best next: build.sh, consumer.sh.
set -euo pipefail

# Flags of a caller's own would be tested instead of ours.
unset CFLAGS CXXFLAGS LDFLAGS CMAKE_GENERATOR DESTDIR PKG_CONFIG_PATH LD_LIBRARY_PATH MAKEFLAGS MAKELEVEL

work=$1
root=$2
prefix=$work/prefix

fail() {
    printf 'FAIL: %s\n' "$*" >&2
    exit 1
}

note() { printf '%s\n' "$*"; }

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
    local said
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said" >&2
        fail "exit status of: $*"
    }
}

# refused PATTERN COMMAND...: it fails, and says why.  CMake breaks its lines where it likes.
refused() {
    local pattern=$1 said
    shift
    if said=$("$@" 2>&1); then
        fail "was not refused: $*"
    fi
    tr -s ' \n' ' ' <<<"$said" | grep -q -e "$pattern" || fail "does not say \"$pattern\": $said"
}

# Every file below a folder, by its path there.
files_of() { (cd "$1" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort); }

# Below a prefix of Debian's the libraries lie in lib/ and a folder named after the machine.
library_folder() { (cd "$1" && dirname "$(find lib -name libsemel.a)"); }

# What is installed, by its path below the prefix.
expected_files() {
    local lib=$1
    {
        sed "s|@LIB@|$lib|" "$root/tests/install/files.txt"
        (cd "$root/runtime" && find include/semel -name '*.h')
    } | LC_ALL=C sort
}
