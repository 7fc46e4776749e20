#!/usr/bin/env bash
# in_tree.sh PROGRAM: runs the consumer's C program as this tree built it.  Must not know: how it was built.
# Reads best next: consumer/shelf.c.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" "unix:$work/socket" >"$work/said"
# The last line is that of the C++ program.
diff <(head -n -1 "$(dirname "${BASH_SOURCE[0]}")/consumer/expected.txt") "$work/said"
