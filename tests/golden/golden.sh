#!/bin/bash
# Compares what semelc makes of good/*.proto, and says about good/ and bad/, with the files kept beside them.
#
#   golden.sh SEMELC            compares; 1 at the first difference of each .proto, all differences shown
#   golden.sh SEMELC --update   makes the kept files anew; review them with git diff
#
# Kept beside X.proto: X.semel.h and X.semel.c (good/ only), and X.stderr, absent when nothing is said.
set -u

if [ $# -lt 1 ] || [ ! -x "$1" ]; then
  echo "usage: golden.sh SEMELC [--update]" >&2
  exit 2
fi
semelc=$(realpath "$1")
update=${2:-}
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# keep MADE KEPT: MADE must equal KEPT, or becomes it.
keep() {
  local made=$1 kept=$2
  if [ "$update" = --update ]; then
    if [ -s "$made" ]; then cp "$made" "$kept"; else rm -f "$kept"; fi
  elif [ -e "$kept" ]; then
    diff -u "$kept" "$made" || fail "$kept"
  elif [ -s "$made" ]; then
    cat "$made"
    fail "$kept is missing"
  fi
}

# compile FOLDER FILE EXPECTED_STATUS: runs semelc inside FOLDER, so that no path of this machine is shown.
compile() {
  local folder=$1 file=$2 expected=$3 out=$work/$1
  (cd "$here/$folder" && "$semelc" -I. -o "$out" "$file") 2>"$work/stderr" >"$work/stdout"
  local status=$?
  [ $status -eq "$expected" ] || { cat "$work/stderr"; fail "$folder/$file: exit status $status, not $expected"; }
  [ -s "$work/stdout" ] && fail "$folder/$file: something on stdout"
  keep "$work/stderr" "$here/$folder/${file%.proto}.stderr"
}

for file in $(cd "$here/good" && find . -name '*.proto' | sort); do
  stem=${file#./}
  stem=${stem%.proto}
  compile good "$stem.proto" 0
  keep "$work/good/$stem.semel.h" "$here/good/$stem.semel.h"
  keep "$work/good/$stem.semel.c" "$here/good/$stem.semel.c"
done

for file in $(cd "$here/bad" && ls -- *.proto); do
  compile bad "$file" 1
  [ -e "$work/bad" ] && fail "bad/$file: output was left behind: $(find "$work/bad")"
done

[ "$failures" -eq 0 ] && echo "all as kept"
[ "$failures" -eq 0 ]
