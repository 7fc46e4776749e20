#!/bin/bash
# What every test run does with a fuzz target: its seeds, cut and changed in always the same way.
#
#   fuzz.sh TARGET_FUZZ CHANGED_COPIES SEMEL_PROTO_DIR
set -eu

here=$(dirname "$(realpath "$0")")
program=$(realpath "$1")
target=$(basename "$program" _fuzz)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/seeds.sh" "$target" "$3" "$work/seeds"
"$program" "${SEMEL_FUZZ_ROUNDS:-$2}" "$work"/seeds/*
