#!/usr/bin/env bash
# run.sh: builds Semel and shows on a bank what it promises: nothing runs twice, and every failure says whether it ran.
# It must not know how the promise is kept; it breaks connections and servers, and then compares two files.
# Reads best next: README.md, which explains what it prints; scene.sh, audit.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
# shellcheck source-path=SCRIPTDIR source=scene.sh
source "$here/scene.sh"

calls=10000
cuts=300
seed=1
bin=

usage() {
    cat <<'END'
run.sh: builds a release in build/, then makes thousands of deposits while connections and servers die.

usage: run.sh [--calls N] [--cuts N] [--seed N] [--bin DIR]

  --calls N    deposits of the first scene (default 10000)
  --cuts N     cut the connection at least this often meanwhile (default 300)
  --seed N     where the cuts fall (default 1)
  --bin DIR    use the programs there; install and build nothing

examples:
  examples/bank/run.sh
  examples/bank/run.sh --calls 100000 --cuts 500
Exit status: 0 when the bank's books are right.
END
}

while (($# > 0)); do
    case $1 in
        --help) usage && exit 0 ;;
        --calls | --cuts | --seed)
            [[ ${2-} =~ ^[0-9]+$ ]] || { echo "run.sh: $1 needs a whole number" >&2 && exit 2; }
            printf -v "${1#--}" '%s' "$2"
            shift 2
            ;;
        --bin)
            [[ -d ${2-} ]] || { echo "run.sh: --bin needs a directory" >&2 && exit 2; }
            bin=$2
            shift 2
            ;;
        *) echo "run.sh: unknown option $1 (try run.sh --help)" >&2 && exit 2 ;;
    esac
done

# Denser than that, a call meets more cuts than it has retries.
((calls >= 32 * cuts && cuts > 0)) || { echo "run.sh: --calls must be at least 32 times --cuts" >&2 && exit 2; }

title() { printf '\n== %s\n' "$*"; }
row() { printf '  %-34s %9s\n' "$1" "$2"; }

build() {
    title "packages"
    "$root/tests/install-deps.sh"
    title "build: $root/build"
    local options=(-DCMAKE_BUILD_TYPE=Release) cache=$root/build/CMakeCache.txt
    # A tree that was copied or moved brings a cache that points elsewhere; cmake would refuse it.
    if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
        options+=(--fresh)
    fi
    # Tests need more packages and time; but who asked for them in this directory keeps them.
    [[ -f $cache ]] || options+=(-DBUILD_TESTING=OFF)
    cmake -S "$root" -B "$root/build" "${options[@]}"
    cmake --build "$root/build" --parallel "$(nproc)"
    bin=$root/build/bin
}

# load NAME OPTION...: starts bank-load; its results go to NAME.results, its JSON object comes with scene_wait.
load() {
    local name=$1
    shift
    scene_spawn "$name" "$bin/bank-load" --results "$scene_dir/$name.results" "$@"
}

# wait_for_load NAME: its JSON object is in $scene_line.
wait_for_load() {
    scene_wait "$1"
    ((scene_code == 0)) || scene_fail "bank-load ended with status $scene_code"
}

# audit JOURNAL RESULTS OPTION...: the table, and the verdict.
audit() {
    local journal=$1 results=$2
    shift 2
    "$here/audit.sh" --journal "$scene_dir/$journal" --results "$scene_dir/$results.results" "$@" || verdict=1
}

# What one call costs on the wire, in $bytes, so that the asked number of cuts fits into the run.
measure_call() {
    load probe --to "${scene_address[server]}" --op balance --calls 500
    wait_for_load probe
    bytes=$((($(scene_field bytes_out) + $(scene_field bytes_in)) / 500))
}

scene_of_cuts() {
    title "scene 1: $calls deposits, 64 at a time, over a line that is cut again and again"
    scene_start server "$bin/bank-server" --listen tcp://127.0.0.1:0 --journal "$scene_dir/cuts.journal"
    local bytes every json cut
    measure_call
    every=$(scene_cut_every "$calls" "$cuts" "$bytes")
    scene_start cutter "$bin/wire-cutter" --listen 127.0.0.1:0 --to "${scene_address[server]#tcp://}" \
        --seed "$seed" --cut-every "$every"
    load cuts --to "tcp://${scene_address[cutter]}" --calls "$calls" --window 64
    wait_for_load cuts
    json=$scene_line
    scene_stop cutter
    cut=$(scene_field cuts)
    scene_stop server
    audit cuts.journal cuts --asked "$calls" --server-lived
    scene_line=$json
    row "connections cut" "$cut"
    row "calls sent again (replays)" "$(scene_field replays)"
    row "seconds" "$(scene_field elapsed_s)"
    if ((cut < cuts)); then
        echo "  only $cut cuts, not $cuts: this run shows too little"
        verdict=1
    fi
}

# restart_under_load NAME OP SERVER_OPTION...: kills the server under load and starts another one at the same address.
restart_under_load() {
    local name=$1 op=$2
    shift 2
    scene_new_place
    local server=("$bin/bank-server" --listen "tcp://$scene_place" "$@")
    scene_start server "${server[@]}"
    load "$name" --to "tcp://$scene_place" --op "$op" --calls 2000 --rate 1000 --announce 100
    scene_await "$name" "completed 100"
    scene_kill server
    scene_start server "${server[@]}"
    wait_for_load "$name"
    local json=$scene_line
    scene_stop server
    scene_line=$json
}

scene_of_death() {
    title "scene 2: the server is killed (kill -9) under load, and started again without its memory"
    # Every answer takes 50 ms, and 1000 calls are started a second: when the server dies, about 50 are under way.  It dies
    # early: all calls would be over two seconds later.
    restart_under_load death deposit --journal "$scene_dir/death.journal" --delay-ms 50
    audit death.journal death --asked 2000
    local unknown
    unknown=$(scene_field failed_unknown)
    if ((unknown == 0)) || ! grep -q DOMAIN_CHANGED "$scene_dir/death.err"; then
        echo "  no call was told UNKNOWN because of the new domain: that cannot be the truth"
        verdict=1
    fi
    printf '\n  What the caller of one of these %s calls is told:\n\n' "$unknown"
    sed -n '/DOMAIN_CHANGED/,/^bank-load: the first/{/^bank-load:/!s/^/    /p}' "$scene_dir/death.err"
}

scene_of_reading() {
    title "scene 3: the same death, but the calls only read: they may be asked again"
    restart_under_load reading balance --delay-ms 50
    row "asked" 2000
    row "answered OK" "$(scene_field ok)"
    row "attempts after the first" "$(scene_field retries)"
    (($(scene_field ok) == 2000)) || verdict=1
}

[[ -n $bin ]] || build
verdict=0
scene_begin
scene_of_cuts
scene_of_death
scene_of_reading
if ((verdict != 0)); then
    title "FAILED: the bank's books are wrong"
    exit 1
fi
title "the bank's books are right: nothing ran twice, nothing was lost, and every failure told the truth"
