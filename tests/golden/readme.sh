#!/bin/bash
# The code blocks of idl/README.md and codegen/README.md are true: .proto blocks compile, C and text blocks stand in the
# kept files word for word.
#
#   readme.sh SEMELC ROOT
set -u

semelc=$(realpath "$1")
root=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# blocks FILE LANGUAGE: each block to $work/block.N, N from 1.
blocks() {
  rm -f "$work"/block.*
  awk -v language="\`\`\`$2" -v to="$work/block." '
    inside && /^```/ { inside = 0; close(to n); next }
    inside { print > (to n) }
    $0 == language { inside = 1; n++ }' "$1"
}

# stands_in BLOCK FILE: whether the lines of BLOCK are lines of FILE, one after the other.
stands_in() {
  awk 'NR == FNR { want[++wanted] = $0; next } { have[++got] = $0 }
       END {
         for (i = 0; i + wanted <= got; i++) {
           for (j = 1; j <= wanted && have[i + j] == want[j]; j++);
           if (j > wanted) exit 0
         }
         exit 1
       }' "$1" "$2"
}

kept() {
  local block=$1 file
  shift
  for file in "$@"; do
    stands_in "$block" "$file" && return 0
  done
  return 1
}

blocks "$root/idl/README.md" proto
for block in "$work"/block.*; do
  cp "$block" "$work/readme.proto"
  "$semelc" -o "$work/out" "$work/readme.proto" || fail "a .proto block of idl/README.md"
done
blocks "$root/idl/README.md" text
for block in "$work"/block.*; do
  kept "$block" "$here"/bad/*.stderr || fail "a text block of idl/README.md: $(cat "$block")"
done
blocks "$root/codegen/README.md" c
for block in "$work"/block.*; do
  kept "$block" "$here"/good/bank.semel.[hc] || fail "a C block of codegen/README.md: $(cat "$block")"
done

[ "$failures" -eq 0 ] && echo "the READMEs are true"
[ "$failures" -eq 0 ]
