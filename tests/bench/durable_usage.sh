#!/usr/bin/env bash
# What semel-durable can not use on its command line ends it with exit code 2 and one word about it: durable_usage.sh PROGRAM.
# It must not measure anything.
# Reads best next: durable.c, "the command line".
set -euo pipefail

program=$1

# refuses WORDS ARGUMENT...
refuses() {
    local words=$1 status=0 told
    shift
    told=$("$program" "$@" 2>&1 >/dev/null) || status=$?
    ((status == 2)) || { printf 'FAILED: %s: exit code %d\n' "$*" "$status"; exit 1; }
    [[ $told == *"$words"* ]] || { printf 'FAILED: %s: it said %s\n' "$*" "$told"; exit 1; }
}

for bad in 0 -1 3x 1e3 "" 1000001 99999999999999999999999; do
    refuses "'$bad' is not a whole number" -- /nonexistent/file "$bad"
done
refuses "'100' is not a whole number" /nonexistent/file 3 100
refuses "'0' is not a whole number" /nonexistent/file 3 1 0
refuses "'1024' is not a whole number" --client-cpu 1024 /nonexistent/file
refuses "'first' is not a whole number" --server-cpu first /nonexistent/file
refuses usage
refuses usage /nonexistent/file 3 1 1 1
refuses usage --colour /nonexistent/file
echo passed
