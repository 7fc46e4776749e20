#!/bin/bash
# Compiles what semelc makes of good/ and corpus/, each file alone: as C11 and gnu11 with the strictest flags, headers as C++17
# too; then links all of corpus/ into one object.
#
#   compile.sh SEMELC RUNTIME_INCLUDE_DIR
set -u

semelc=$(realpath "$1")
runtime=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

c_flags="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
# What nanopb makes is not ours: it converts and shadows as it likes.
pb_flags="-Wall -Wextra -Wpedantic -Werror"
cpp_flags="-std=c++17 -Wall -Wextra -Werror"
# Words of C++ as names of fields; semelc warns of them.
c_only="shapes.semel.h"
# Imported for its options alone; of their numbers no C can be made.
never=api/rules.proto
compilers=gcc
command -v clang >/dev/null && compilers="gcc clang"

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# try FOLDER COMMAND...: runs it with the folders of headers
try() {
  local folder=$1
  shift
  "$@" -I"$runtime" -I"$folder" || fail "$*"
}

# Two modes and up to two compilers make many runs: as many at a time as there are processors.
compile_all() {
  local folder=$1
  local list=$work/list
  : >"$list"
  for compiler in $compilers; do
    for mode in c11 gnu11; do
      for source in $(cd "$folder" && find . -name '*.c' | sort); do
        local flags=$c_flags
        case $source in *.pb.c) flags=$pb_flags ;; esac
        echo "$compiler -std=$mode $flags -fsyntax-only $source" >>"$list"
      done
    done
  done
  (cd "$folder" && xargs -P "$(nproc)" -I{} sh -c "{} -I$runtime -I. || { echo 'FAIL: {}'; exit 1; }" <"$list") ||
    failures=$((failures + 1))
}

check_headers() {
  local folder=$1
  cd "$folder" || exit 2
  for header in $(find . -name '*.semel.h' | sort); do
    # Twice in one file: the guard holds.
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$work/alone.c"
    # shellcheck disable=SC2086
    try "$folder" gcc -std=c11 $c_flags -fsyntax-only "$work/alone.c"
    case $header in *$c_only) continue ;; esac
    # shellcheck disable=SC2086
    try "$folder" g++ $cpp_flags -x c++ -fsyntax-only "$work/alone.c"
  done
  # All headers of the folder in one program.
  find . -name '*.semel.h' | sort | sed 's/.*/#include "&"/' >"$work/alone.c"
  # shellcheck disable=SC2086
  try "$folder" gcc -std=c11 $c_flags -fsyntax-only "$work/alone.c"
}

generate() {
  local out=$1
  shift
  "$semelc" "$@" -o "$out" 2>"$work/stderr" || { cat "$work/stderr"; fail "semelc $*"; }
}

cd "$here/good" || exit 2
for file in $(find . -name '*.proto' | sort); do
  generate "$work/good" -I. "$file"
done

# The well-known types as a user would make them, since corpus/ has no library to link.
cd "$here/corpus" || exit 2
known=$(dirname "$(find /usr/include /usr/local/include -path '*google/protobuf/any.proto' 2>/dev/null | head -1)")
include=${known%/google/protobuf}
protos=$(find . -name '*.proto' | sort | grep -v "$never")
# shellcheck disable=SC2086
generate "$work/corpus" -I. -I"$include" $protos "$known"/{any,duration,empty,field_mask,struct,timestamp,wrappers}.proto

for folder in good corpus; do
  compile_all "$work/$folder"
  check_headers "$work/$folder"
done

# No name is defined twice when all of corpus/ is in one program.
cd "$work/corpus" || exit 2
for source in $(find . -name '*.c'); do
  gcc -std=c11 -w -I"$runtime" -I. -c "$source" -o "$source.o" || fail "$source"
done
# shellcheck disable=SC2046
gcc -r -o all.o $(find . -name '*.c.o') || fail "the files do not make one program"

[ "$failures" -eq 0 ] && echo "all compile"
[ "$failures" -eq 0 ]
