# shellcheck shell=bash
# common.sh: what the tests of the bank share.  Called as TEST.sh BIN_DIR BANK_DIR.
# It must not know what a test checks.
# Reads best next: plain.sh, the simplest test; examples/bank/scene.sh.
set -euo pipefail

bin=$1 bank=$2
# shellcheck source-path=SCRIPTDIR source=../../../examples/bank/scene.sh
source "$bank/scene.sh"
scene_begin

step() { printf -- '-- %s\n' "$*"; }

# server OPTION...: a bank-server that keeps the journal; any port unless --listen is among the options.  It refuses nobody
# for having waited: a machine that has much to do is no overload.
# shellcheck disable=SC2120  # called with options or without
server() {
    local listen=(--listen "tcp://$scene_here:0")
    [[ " $* " != *" --listen "* ]] || listen=()
    scene_start server "$bin/bank-server" "${listen[@]}" --journal "$scene_dir/journal" --MaxQueueAge=0 "$@"
}

# cutter OPTION...: a wire-cutter before the server.
cutter() {
    scene_start cutter "$bin/wire-cutter" --listen "$scene_here:0" --to "${scene_address[server]#tcp://}" "$@"
}

# load OPTION...: starts bank-load, with the results in $scene_dir/results.
load() {
    completed_calls=0
    scene_spawn load "$bin/bank-load" --results "$scene_dir/results" "$@"
}

# wait_for_load: its JSON object is in $scene_line and in $told.
wait_for_load() {
    scene_wait load
    ((scene_code == 0)) || scene_fail "bank-load ended with status $scene_code: $scene_line"
    # shellcheck disable=SC2034  # for the sourcing script
    told=$scene_line
}

# await_calls COUNT: until so many more calls have ended than by now, of a load with --announce.
await_calls() {
    local until
    while read -r -t 0 -u "${scene_out[load]}"; do read_completed; done
    until=$((completed_calls + $1))
    while ((completed_calls < until)); do read_completed; done
}

read_completed() {
    scene_await load "completed "
    completed_calls=${scene_line#completed }
}

# stop_load: of a load that has more calls than can be made.  It starts no more, and what is under way ends; how many it made
# is $asked.  What a script does to a load takes it as long as the machine wants: a load that ends by itself may be over by
# then.
stop_load() {
    kill -TERM "${scene_pid[load]}"
    scene_wait load
    # 1: bank-load's word for "not all of the calls".
    [[ $scene_code == 1 && $scene_line == "{"* ]] || scene_fail "bank-load ended with status $scene_code: $scene_line"
    # shellcheck disable=SC2034  # for the sourcing script
    told=$scene_line asked=$(scene_field calls)
}
# shellcheck disable=SC2034  # for the sourcing script
endless=1000000000

# await_line NAME TEXT: until the program has said that on stderr; for at most a minute.
await_line() {
    local end=$((SECONDS + 60))
    until grep -qF -- "$2" "$scene_dir/$1.err"; do
        ((SECONDS < end)) || scene_fail "$1 did not say \"$2\""
    done
}

# expect KEY OPERATOR NUMBER: of the JSON object in $scene_line.
expect() {
    local value
    value=$(scene_field "$1")
    test "$value" "$2" "$3" || scene_fail "$1 is $value, not $2 $3, in $scene_line"
}

# audit OPTION...: of everything so far; the journal starts anew.
audit() {
    "$bank/audit.sh" --journal "$scene_dir/journal" --results "$scene_dir/results" "$@" || scene_fail "the audit"
    rm -f "$scene_dir/journal"
}
