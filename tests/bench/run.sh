#!/usr/bin/env bash
# Measures Semel beside its floor, interleaved, and prints a Markdown table, the targets, and whether each is reached.
# Must not know: how semel-bench works.  Reads best next: README.md, which tells what the figures mean.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/bench/run.sh [--bin DIR] [--rounds N] [--scale PERCENT]

  --bin DIR        where semel-bench is (default build/bin)
  --rounds N       runs of each floor and each echo, taken in turns; medians are shown (default 5)
  --scale PERCENT  of the usual number of calls (default 100)

Exit code 0 when everything was measured, whether the targets are reached or not.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
bin=$root/build/bin
rounds=5
scale=100
while (($# > 0)); do
    case $1 in
    --bin) bin=${2:?"--bin needs a directory"}; shift 2 ;;
    --rounds) rounds=${2:?"--rounds needs a number"}; shift 2 ;;
    --scale) scale=${2:?"--scale needs a number"}; shift 2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
[[ $rounds =~ ^[1-9][0-9]{0,2}$ && $scale =~ ^[1-9][0-9]{0,3}$ ]] || { usage >&2; exit 2; }
bench=$bin/semel-bench
[[ -x $bench ]] || { echo "run.sh: no semel-bench in $bin: build it, or name its folder with --bin" >&2; exit 1; }

# name | calls | arguments of both | further arguments of the echo
one='--client-cpu 0 --server-cpu 0'
two='--client-cpu 0 --server-cpu 1'
(($(nproc) > 1)) || two=$one
cases=(
    "64 B depth 1, one CPU|100000|--payload 64 --depth 1 $one|"
    "64 B depth 64|1000000|--payload 64 --depth 64 $two|"
    "64 B depth 64, idempotent|1000000|--payload 64 --depth 64 $two|--mode idempotent"
    "1 MiB depth 4|3000|--payload 1048576 --depth 4 $two|"
    "64 B depth 1, one CPU, unix|100000|--payload 64 --depth 1 --transport unix $one|"
    "64 B depth 64, unix|1000000|--payload 64 --depth 64 --transport unix $two|"
    "1 MiB depth 4, unix|3000|--payload 1048576 --depth 4 --transport unix $two|"
)

results=$(mktemp)
trap 'rm -f "$results"' EXIT

# One line a run: case, peer, calls/s, CPU us a call of both sides, p50, p99, peak RSS.
measure() {
    local number=$1 peer=$2
    shift 2
    "$bench" "$peer" "$@" | sed -E "s/^/$number $peer /; s/\"[a-z0-9_]+\"://g; s/[{}\"]//g; s/,/ /g" |
        awk '{ print $1, $2, $7, $8 + $9, $10, $11, $13 }' >>"$results"
}

for ((round = 1; round <= rounds; round++)); do
    for number in "${!cases[@]}"; do
        IFS='|' read -r name calls both echo_only <<<"${cases[number]}"
        calls=$((calls * scale / 100 + 1))
        printf 'round %d of %d: %s\n' "$round" "$rounds" "$name" >&2
        # shellcheck disable=SC2086  # lists of words
        measure "$number" floor --calls "$calls" $both
        # shellcheck disable=SC2086
        measure "$number" echo --calls "$calls" $both $echo_only
    done
done

# The median of column $3 of case $1, peer $2.
median() {
    awk -v n="$1" -v p="$2" -v c="$3" '$1 == n && $2 == p { print $c }' "$results" | sort -g |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
best() { awk -v n="$1" -v p="$2" '$1 == n && $2 == p && $3 > b { b = $3 } END { print b }' "$results"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
echo_ratio() { ratio "$(median "$1" echo 3)" "$(median "$1" floor 3)"; }
cpu_ratio() { ratio "$(median "$1" floor 4)" "$(median "$1" echo 4)"; }

echo "| case | peer | calls/s | best run | CPU us/call | p50 us | p99 us | peak RSS kB | of the floor | by CPU time |"
echo "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for number in "${!cases[@]}"; do
    name=${cases[number]%%|*}
    for peer in floor echo; do
        ratios="| |"
        [[ $peer == floor ]] || ratios="**$(echo_ratio "$number")** | $(cpu_ratio "$number") |"
        printf '| %s | %s | %.0f | %.0f | %.2f | %.1f | %.1f | %.0f | %s\n' "$name" "$peer" \
            "$(median "$number" "$peer" 3)" "$(best "$number" "$peer")" "$(median "$number" "$peer" 4)" \
            "$(median "$number" "$peer" 5)" "$(median "$number" "$peer" 6)" "$(median "$number" "$peer" 7)" "$ratios"
    done
done

# what | target | value | "least" or "most"
target() {
    awk -v what="$1" -v aim="$2" -v got="$3" -v sense="$4" 'BEGIN {
        reached = sense == "least" ? got >= aim : got <= aim
        printf "| %s | at %s %s | %s | %s |\n", what, sense, aim, got, reached ? "reached" : "not reached"
    }'
}
echo
echo "| target | wanted | measured | |"
echo "| --- | ---: | ---: | --- |"
target "64 B depth 1 on one CPU, of the floor" 0.80 "$(echo_ratio 0)" least
target "64 B depth 64, at-most-once, calls/s" 400000 "$(median 1 echo 3)" least
target "64 B depth 64, at-most-once, CPU us a call, both sides" 4 "$(median 1 echo 4)" most
target "1 MiB depth 4, of the floor" 0.60 "$(echo_ratio 3)" least
