#!/usr/bin/env bash
# Measures Semel beside its floor in pairs of runs, leaves out what others disturbed, and judges the targets.
# Must not know: how semel-bench works.  Reads best next: README.md, which tells what the figures mean.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/bench/run.sh [--bin DIR] [--rounds N] [--quick] [--scale PERCENT] [--cpus A,B] [--max-others PERCENT]

  --bin DIR             where semel-bench is (default build/bin)
  --rounds N            pairs of a floor and an echo, for each case; medians are shown (default 5)
  --quick               3 pairs of shorter runs: --rounds 3 --scale 40, where these are not given
  --scale PERCENT       of the usual number of calls (default 100)
  --cpus A,B            the processors to use (default: the first two that this process may use)
  --max-others PERCENT  a run during which anything else had more of the processors in use is disturbed (default 10)

A pair with a disturbed run is measured again in a later round, of which there are at most three times N; then the
least disturbed pairs are taken, and the table says how many of them were quiet.
Prints Markdown.  Exit code 0 when everything was measured, whether the targets are reached or not.
TEXT
}

die() {
    echo "run.sh: $*" >&2
    exit "${code:-1}"
}

# ---- the command line ----

# The processors this process may use, in one line each.
usable_cpus() {
    local range
    for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
        seq "${range%-*}" "${range#*-}"
    done
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
bin=$root/build/bin
rounds='' scale='' cpus=''
usual_rounds=5 usual_scale=100
max_others=10
while (($# > 0)); do
    case $1 in
    --bin) bin=${2:?"--bin needs a directory"}; shift 2 ;;
    --rounds) rounds=${2:?"--rounds needs a number"}; shift 2 ;;
    --quick) usual_rounds=3 usual_scale=40; shift ;;
    --scale) scale=${2:?"--scale needs a number"}; shift 2 ;;
    --cpus) cpus=${2:?"--cpus needs two numbers"}; shift 2 ;;
    --max-others) max_others=${2:?"--max-others needs a number"}; shift 2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
rounds=${rounds:-$usual_rounds}
scale=${scale:-$usual_scale}
[[ -n $cpus ]] || cpus=$(usable_cpus | head -n 2 | paste -sd,)
[[ $cpus == *,* ]] || cpus=$cpus,$cpus
[[ $rounds =~ ^[1-9][0-9]{0,2}$ && $scale =~ ^[1-9][0-9]{0,3}$ && $max_others =~ ^[0-9]{1,3}$ &&
    $cpus =~ ^[0-9]{1,4},[0-9]{1,4}$ ]] || { usage >&2; exit 2; }
bench=$bin/semel-bench
[[ -x $bench ]] || die "no semel-bench in $bin: build it, or name its folder with --bin"
# What is measured is Semel as it comes.
unset SEMEL_CONFIG

# name | calls | processors | arguments of both | further arguments of the echo
a=${cpus%,*}
cases=(
    "64 B depth 1, one CPU|60000|$a,$a|--payload 64 --depth 1|"
    "64 B depth 64|1000000|$cpus|--payload 64 --depth 64|"
    "64 B depth 64, idempotent|1000000|$cpus|--payload 64 --depth 64|--mode idempotent"
    "1 MiB depth 4|2000|$cpus|--payload 1048576 --depth 4|"
    "64 B depth 1, one CPU, unix|60000|$a,$a|--payload 64 --depth 1 --transport unix|"
    "64 B depth 64, unix|1000000|$cpus|--payload 64 --depth 64 --transport unix|"
    "1 MiB depth 4, unix|2000|$cpus|--payload 1048576 --depth 4 --transport unix|"
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$work/results
: >"$results"

# ---- one run ----

# The microseconds that processors $1,$2 have been idle so far, each counted once.  The kernel measures the idle time;
# the other columns of /proc/stat are guessed from ticks, and miss what sleeps whenever a tick comes.
idle_us() {
    awk -v a="cpu$1" -v b="cpu$2" -v hz="$(getconf CLK_TCK)" \
        '$1 == a || $1 == b { ticks += $5 + $6 } END { printf "%.0f", ticks * 1e6 / hz }' /proc/stat
}

# Percent of processors $1,$2 that neither idled nor worked for us: other processes, the kernel, other guests (steal).
# elapsed, idle and used in microseconds.
others_percent() {
    awk -v count="$(($1 == $2 ? 1 : 2))" -v elapsed="$3" -v idle="$4" -v used="$5" 'BEGIN {
        others = (elapsed * count - idle - used) * 100 / (elapsed * count)
        printf "%.1f", others < 0 ? 0 : others
    }'
}

# Prints one run of peer $2 on processors $1: calls/s, CPU us a call of both sides, p50, p99, peak RSS, others in percent.
measure() {
    local on=$1 idle start
    shift
    local client=${on%,*} server=${on#*,} TIMEFORMAT='%U %S'
    idle=$(idle_us "$client" "$server")
    start=${EPOCHREALTIME/[.,]/}
    { time "$bench" "$@" --client-cpu "$client" --server-cpu "$server" >"$work/json" 2>"$work/errors"; } 2>"$work/time" ||
        die "semel-bench $* failed: $(cat "$work/errors")"
    local elapsed=$((${EPOCHREALTIME/[.,]/} - start))
    idle=$(($(idle_us "$client" "$server") - idle))
    awk -v others="$(others_percent "$client" "$server" "$elapsed" "$idle" "$(awk '{ print ($1 + $2) * 1e6 }' "$work/time")")" '
        function field(name) {
            if (!match($0, "\"" name "\":[0-9.]+")) { print "no " name > "/dev/stderr"; exit 1 }
            return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
        }
        { print field("calls_per_s"), field("server_cpu_us_per_call") + field("client_cpu_us_per_call"),
                field("p50_us"), field("p99_us"), field("server_peak_rss_kb"), others }' "$work/json"
}

# ---- pairs ----

# Measures case $1 once, floor and echo one right after the other; who is first changes with the round, $2.
# Adds a line to the results: case, others (the worse of the two), then the columns of the floor, then those of the echo.
pair() {
    local number=$1 round=$2 name calls on both echo_only floor echo
    IFS='|' read -r name calls on both echo_only <<<"${cases[number]}"
    calls=$((calls * scale / 100 + 1))
    # shellcheck disable=SC2086  # lists of words
    if ((round % 2 == 1)); then
        floor=$(measure "$on" floor --calls "$calls" $both)
        echo=$(measure "$on" echo --calls "$calls" $both $echo_only)
    else
        echo=$(measure "$on" echo --calls "$calls" $both $echo_only)
        floor=$(measure "$on" floor --calls "$calls" $both)
    fi
    echo "$number $floor $echo" |
        awk '{ others = $7 > $13 ? $7 : $13; print $1, others, $2, $3, $4, $5, $6, $8, $9, $10, $11, $12 }' >>"$results"
    printf 'round %d: %s: others had %s %%\n' "$round" "$name" "$(tail -n 1 "$results" | cut -d' ' -f2)" >&2
}

# How many quiet pairs case $1 has.
quiet() {
    awk -v n="$1" -v most="$max_others" '$1 == n && $2 <= most { count++ } END { print count + 0 }' "$results"
}

for ((round = 1; round <= 3 * rounds; round++)); do
    for number in "${!cases[@]}"; do
        (($(quiet "$number") >= rounds)) || pair "$number" "$round"
    done
done

# Of each case the least disturbed pairs.
for number in "${!cases[@]}"; do
    awk -v n="$number" '$1 == n' "$results" | sort -g -s -k 2,2 | head -n "$rounds"
done >"$work/chosen"

# ---- figures ----

# The columns of a line of the results.
declare -A first=([floor]=3 [echo]=8)
calls_per_s=0 cpu_us=1 p50=2 p99=3 rss=4

# The median, over the pairs of case $1, of an awk expression.
median() {
    awk -v n="$1" "\$1 == n { print $2 }" "$work/chosen" | sort -g |
        awk '{ v[NR] = $1 } END { printf "%.4f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
# The median of column $3 of peer $2 in case $1.
figure() { median "$1" "\$$((${first[$2]} + $3))"; }
# Medians of the ratios in each pair; above 1, the echo does better than the floor.
echo_ratio() { printf '%.2f' "$(median "$1" "\$$((first[echo] + calls_per_s)) / \$$((first[floor] + calls_per_s))")"; }
cpu_ratio() { printf '%.2f' "$(median "$1" "\$$((first[floor] + cpu_us)) / \$$((first[echo] + cpu_us))")"; }

row() {
    local number=$1 peer=$2 ratios='| | | |'
    [[ $peer == floor ]] ||
        ratios="| **$(echo_ratio "$number")** | $(cpu_ratio "$number") | $(quiet "$number") of $rounds |"
    printf '| %s | %s | %.0f | %.2f | %.1f | %.1f | %.0f %s\n' "${cases[number]%%|*}" "$peer" \
        "$(figure "$number" "$peer" $calls_per_s)" "$(figure "$number" "$peer" $cpu_us)" \
        "$(figure "$number" "$peer" $p50)" "$(figure "$number" "$peer" $p99)" "$(figure "$number" "$peer" $rss)" "$ratios"
}

echo "| case | peer | calls/s | CPU us/call | p50 us | p99 us | peak RSS kB | of the floor | by CPU time | quiet pairs |"
echo "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for number in "${!cases[@]}"; do
    row "$number" floor
    row "$number" echo
done

# what | "at least" or "at most" | target | measured | by CPU time
target() {
    awk -v what="$1" -v sense="$2" -v aim="$3" -v got="$4" -v cpu="$5" 'BEGIN {
        reached = sense == "at least" ? got >= aim : got <= aim
        printf "| %s | %s %s | %s | %s | %s |\n", what, sense, aim, got, cpu, reached ? "reached" : "not reached"
    }'
}
echo
echo "| target | wanted | measured | by CPU time | |"
echo "| --- | ---: | ---: | ---: | --- |"
target "64 B depth 1 on one CPU, of the floor" "at least" 0.80 "$(echo_ratio 0)" "$(cpu_ratio 0)"
target "1 MiB depth 4, of the floor" "at least" 0.60 "$(echo_ratio 3)" "$(cpu_ratio 3)"
target "64 B depth 64, at-most-once, calls/s" "at least" 400000 "$(printf '%.0f' "$(figure 1 echo $calls_per_s)")" ""
target "64 B depth 64, at-most-once, CPU us a call, both sides" "at most" 4 \
    "$(printf '%.2f' "$(figure 1 echo $cpu_us)")" ""
echo
awk -v most="$max_others" '{ if ($2 > most) disturbed++ } END {
    printf "Of %d pairs, %d were disturbed: others had more than %s %% of the processors in use.\n", NR, disturbed + 0, most
}' "$results"
awk -v most="$max_others" '$2 > most { kept++ } END {
    if (kept > 0) printf "%d disturbed pairs are in the table, since there were too few quiet ones.\n", kept
    else print "None of these is in the table."
}' "$work/chosen"
