#!/usr/bin/env bash
# build.sh WORK ROOT COMPILER: builds what is shipped, installs it in a folder, and moves that folder to WORK/prefix, as
# an installed tree must work wherever it lies.  Must not know: who uses it.  Reads best next: tree.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p "$work"
fresh=()
if [[ -f $work/build/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$work/build/CMakeCache.txt"; then
    fresh=(--fresh)
fi
# Only what is installed is built; the examples are somebody else's test.
quietly cmake "${fresh[@]}" -S "$root" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCMAKE_C_COMPILER="$3" -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_SKIP_INSTALL_ALL_DEPENDENCY=ON
quietly cmake --build "$work/build" --parallel "$(nproc)" \
    --target semel_shared shipped_semel shipped_semel-sim semel_tool semelc protoc-gen-semel

rm -rf "$work/elsewhere" "$prefix"
quietly cmake --install "$work/build" --prefix "$work/elsewhere"
mv "$work/elsewhere" "$prefix"
note "installed in $prefix"
