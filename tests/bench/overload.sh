#!/usr/bin/env bash
# Runs semel-overload at a quarter of the server's capacity to four times of it, with and without retry budget and
# admission; writes overload.csv and overload.svg, and prints the tables.
# Must not know: how semel-overload works.  Reads best next: README.md, overload_plot.py.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/bench/overload.sh [--bin DIR] [--out DIR] [--rounds N] [--duration MS] [--cpus CLIENT,SERVER]

  --bin DIR             where semel-overload is (default build/bin)
  --out DIR             where overload.csv and overload.svg go (default: beside this script)
  --rounds N            runs of each point; the one with the most goodput counts, being the least disturbed (default 3)
  --duration MS         for which calls are offered, each run (default 1500)
  --cpus CLIENT,SERVER  the processors to use (default 0,1)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
bin=$here/../../build/bin out=$here rounds=3 duration=1500 cpus=0,1
while (($# > 0)); do
    case $1 in
    --bin) bin=${2:?"--bin needs a directory"}; shift 2 ;;
    --out) out=${2:?"--out needs a directory"}; shift 2 ;;
    --rounds) rounds=${2:?"--rounds needs a number"}; shift 2 ;;
    --duration) duration=${2:?"--duration needs a number"}; shift 2 ;;
    --cpus) cpus=${2:?"--cpus needs two numbers"}; shift 2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
[[ $rounds =~ ^[1-9][0-9]?$ && $duration =~ ^[1-9][0-9]{1,5}$ && $cpus =~ ^[0-9]{1,4},[0-9]{1,4}$ ]] ||
    { usage >&2; exit 2; }
program=$bin/semel-overload
[[ -x $program ]] || { echo "overload.sh: no semel-overload in $bin: build it, or name its folder with --bin" >&2; exit 1; }
unset SEMEL_CONFIG

# What the handler burns, and with it the capacity: 1000000 / burn_us calls a second.
burn_us=100
factors=(0.25 0.5 0.75 1 1.5 2 3 4)
# Users who wait 200 ms, and clients that lose patience after 60 and try up to four more times: what retries do under
# overload is to be seen.
both=(--Deadline=200 --AttemptTimeout=60 "--RetryIntervals=10 20 40 80" --Window=65536)
# name | properties
curves=(
    "neither|--MaxQueueAge=0 --RetryBudgetPercent=1000"
    "budget only|--MaxQueueAge=0 --RetryBudgetPercent=20"
    "admission only|--MaxQueueAge=50 --RetryBudgetPercent=1000"
    "budget and admission|--MaxQueueAge=50 --RetryBudgetPercent=20"
)
columns=(offered good goodput_per_s retries requests executed overloaded expired at_once server_cpu_s)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
csv=$work/overload.csv
(IFS=,; echo "curve,factor,burn_us,duration_ms,${columns[*]}" >"$csv")

# Prints the columns of one run: rate, then properties.
run() {
    "$program" "$1" "$duration" "$burn_us" "$2" "${cpus%,*}" "${cpus#*,}" "${@:3}" |
        awk -v names="${columns[*]}" '{
            count = split(names, name, " ")
            for (i = 1; i <= count; i++) {
                if (!match($0, "\"" name[i] "\":[0-9.]+")) { print "no " name[i] > "/dev/stderr"; exit 1 }
                line = line (i > 1 ? "," : "") substr($0, RSTART + length(name[i]) + 3, RLENGTH - length(name[i]) - 3)
            }
            print line
        }'
}

for factor in "${factors[@]}"; do
    rate=$(awk -v f="$factor" -v b="$burn_us" 'BEGIN { printf "%.0f", f * 1e6 / b }')
    for curve in "${curves[@]}"; do
        read -r -a properties <<<"${curve#*|}"
        best='' most=-1
        for ((round = 1; round <= rounds; round++)); do
            line=$(run "$rate" "$round" "${both[@]}" "${properties[@]}")
            goodput=$(cut -d, -f3 <<<"$line")
            if awk -v a="$goodput" -v b="$most" 'BEGIN { exit !(a > b) }'; then most=$goodput best=$line; fi
        done
        echo "${curve%%|*},$factor,$burn_us,$duration,$best" | tee -a "$csv" >&2
    done
done

# What a refusal costs: nothing runs, everything is refused.
cost=$("$program" 40000 "$duration" 0 1 "${cpus%,*}" "${cpus#*,}" stuck "${both[@]}" --MaxRunning=1 --MaxQueueAge=1 |
    sed -n 's/.*"overloaded":\([0-9]*\).*"cpu_us_per_refusal":\([0-9.]*\).*/\2 us of the processor a refusal, over \1 of them/p')

mkdir -p "$out"
cp "$csv" "$out/overload.csv"
python3 -B "$here/overload_plot.py" "$csv" "$out/overload.svg"
echo
echo "A server that refuses everything: $cost (wanted: under 2 us)."
