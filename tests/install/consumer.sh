#!/usr/bin/env bash
# consumer.sh WORK ROOT: builds consumer/ against the installed tree, by CMake and by make, against both libraries, in C and
# C++, and runs it.  Must not know: what the project does.  Reads best next: depends.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$root/tests/install/consumer
at=$work/consumer
lib=$(library_folder "$prefix")
rm -rf "$at"
mkdir -p "$at"

# says FOLDER: both programs print what they should, and the simulation of the same service passes, on its own.
says() {
    (cd "$1" && ./shelf unix:socket && ./shelf-cpp unix:socket) >"$1/said" 2>&1 || fail "$1: $(cat "$1/said")"
    diff "$here/expected.txt" "$1/said" >&2 || fail "$1: prints something else"
    (cd "$1" && ./shelf-sim --seeds 1..50) >"$1/simulated" 2>&1 || fail "$1: $(cat "$1/simulated")"
    grep -q '^shelf: 50 seeds passed' "$1/simulated" || fail "$1: simulates something else: $(cat "$1/simulated")"
    is_alone "$1"
}

# The world of a simulation has no event loop of libev's and asks no name server.
is_alone() {
    readelf -d "$1/shelf-sim" >"$1/needs"
    grep -q 'NEEDED.*liblmdb' "$1/needs" || fail "$1: shelf-sim does not even use LMDB"
    ! grep -E 'NEEDED.*lib(cares|ev)\.' "$1/needs" >&2 || fail "$1: shelf-sim is linked with what it does not use"
}

# A shared one asks for the library by its name; a static one holds it, and no message it does not use.
is_shared() { readelf -d "$1/shelf" | grep -q 'NEEDED.*libsemel\.so\.0\.1' || fail "$1: does not use libsemel.so"; }
is_static() {
    ! readelf -d "$1/shelf" | grep 'NEEDED.*libsemel' >&2 || fail "$1: uses libsemel.so"
    nm "$1/shelf" >"$1/names"
    grep -q ' google_protobuf_Struct_msg' "$1/names" || fail "$1: no google.protobuf.Struct in it"
    ! grep -E ' google_protobuf_(Api|Type|FieldMask|SourceContext)_msg' "$1/names" >&2 || fail "$1: holds unused messages"
}

# by_cmake GENERATOR STATIC FOLDER
by_cmake() {
    quietly cmake -G "$1" -S "$here" -B "$3" -DCMAKE_PREFIX_PATH="$prefix" -Dsemel_USE_STATIC_LIBS="$2" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Werror"
    quietly cmake --build "$3"
    says "$3"
}

# by_make COMPILER COMPILER++ FOLDER [STATIC=1]
by_make() {
    cp -r "$here" "$3"
    PKG_CONFIG_PATH=$prefix/$lib/pkgconfig quietly make -C "$3" CC="$1" CXX="$2" "${@:4}"
    LD_LIBRARY_PATH=$prefix/$lib says "$3"
}

by_cmake "Unix Makefiles" OFF "$at/cmake-shared"
is_shared "$at/cmake-shared"
by_cmake "Unix Makefiles" ON "$at/cmake-static"
is_static "$at/cmake-static"
if command -v ninja >/dev/null; then
    by_cmake Ninja ON "$at/ninja-static"
else
    note "ninja is not installed: CMake was tried with make only"
fi
by_make gcc g++ "$at/make-shared"
is_shared "$at/make-shared"
by_make gcc g++ "$at/make-static" STATIC=1
is_static "$at/make-static"
if command -v clang++ >/dev/null; then
    by_make clang clang++ "$at/clang-static" STATIC=1
else
    note "clang is not installed: gcc only"
fi

# Before 1.0 the next minor version is another library.
printf 'cmake_minimum_required(VERSION 3.25)\nproject(next LANGUAGES C)\nfind_package(semel 0.2 REQUIRED)\n' >"$at/CMakeLists.txt"
refused 'compatible with requested version "0.2"' cmake -S "$at" -B "$at/next" -DCMAKE_PREFIX_PATH="$prefix"
[[ $(PKG_CONFIG_PATH=$prefix/$lib/pkgconfig pkg-config --modversion semel) == 0.1.* ]] || fail "semel.pc tells another version"
# A linker that leaves out what is not used would hide it.
asked=$(PKG_CONFIG_PATH=$prefix/$lib/pkgconfig pkg-config --static --libs semel-sim)
[[ $asked == *-llmdb* && ! $asked =~ -l(cares|ev)( |$) ]] || fail "semel-sim.pc asks for other libraries than it needs: $asked"
note "built and ran: $(cd "$at" && ls -d ./*-*/ | tr -d './' | tr '\n' ' ')"
