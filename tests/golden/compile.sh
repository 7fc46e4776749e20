#!/bin/bash
# Compiles what semelc makes of good/*.proto, each file alone: as C11 with the strictest flags, headers as C++17 too.
#
#   compile.sh SEMELC RUNTIME_INCLUDE_DIR
set -u

semelc=$(realpath "$1")
runtime=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

c_flags="-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
cpp_flags="-std=c++17 -Wall -Wextra -Werror"

try() {
  "$@" -I"$runtime" -I"$work" -o "$work/object" || { echo "FAIL: $*"; failures=$((failures + 1)); }
}

cd "$here/good" || exit 2
for file in $(find . -name '*.proto' | sort); do
  "$semelc" -I. -o "$work" "$file" 2>"$work/stderr" || { cat "$work/stderr"; failures=$((failures + 1)); }
done

cd "$work" || exit 2
for source in $(find . -name '*.c' | sort); do
  # shellcheck disable=SC2086
  try gcc $c_flags -c "$source"
done
for header in $(find . -name '*.semel.h' | sort); do
  # Twice in one file: the guard holds.
  printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$work/alone.c"
  # shellcheck disable=SC2086
  try gcc $c_flags -c "$work/alone.c"
  # shellcheck disable=SC2086
  try g++ $cpp_flags -x c++ -c "$work/alone.c"
done
# All headers of the folder in one program.
find . -name '*.semel.h' | sort | sed 's/.*/#include "&"/' >"$work/alone.c"
# shellcheck disable=SC2086
try gcc $c_flags -c "$work/alone.c"

[ "$failures" -eq 0 ] && echo "all compile"
[ "$failures" -eq 0 ]
