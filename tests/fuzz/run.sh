#!/bin/bash
# Fuzzes a target with libFuzzer for as long as wanted.  Needs clang (and libclang-rt-14-dev on Debian 12).
#
#   run.sh TARGET SECONDS     TARGET: the X of an X_fuzz.c in this folder
#
# Builds in build/fuzz; the corpus grows in build/fuzz/corpus/TARGET.  Exit 0: nothing broke.
set -eu

here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
build=$root/build/fuzz
[ $# -eq 2 ] && [ -f "$here/$1_fuzz.c" ] || { sed -n '2,6p' "$0" >&2; exit 2; }
command -v clang >/dev/null || { echo "clang is not installed" >&2; exit 1; }

flags='-g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
  -DCMAKE_C_FLAGS="$flags" -DCMAKE_EXE_LINKER_FLAGS='-fsanitize=address,undefined' -DSEMEL_LIBFUZZER=ON -DBUILD_TESTING=ON >/dev/null
cmake --build "$build" --target "$1_fuzz" --parallel "$(nproc)" >"$build/$1.log" || { cat "$build/$1.log"; exit 1; }
"$here/seeds.sh" "$1" "$build/share/semel" "$build/seeds/$1"
mkdir -p "$build/corpus/$1"
cd "$build/corpus"
export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
exec nice "$build/tests/fuzz/$1_fuzz" -max_len=100000 -max_total_time="$2" "$1" "$build/seeds/$1"
