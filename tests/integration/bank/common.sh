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

# server OPTION...: a bank-server that keeps the journal; any port unless --listen is among the options.
# shellcheck disable=SC2120  # called with options or without
server() {
    local listen=(--listen "tcp://$scene_here:0")
    [[ " $* " != *" --listen "* ]] || listen=()
    scene_start server "$bin/bank-server" "${listen[@]}" --journal "$scene_dir/journal" "$@"
}

# cutter OPTION...: a wire-cutter before the server.
cutter() {
    scene_start cutter "$bin/wire-cutter" --listen "$scene_here:0" --to "${scene_address[server]#tcp://}" "$@"
}

# load OPTION...: starts bank-load, with the results in $scene_dir/results.
load() {
    scene_spawn load "$bin/bank-load" --results "$scene_dir/results" "$@"
}

# wait_for_load: its JSON object is in $scene_line and in $told.
wait_for_load() {
    scene_wait load
    ((scene_code == 0)) || scene_fail "bank-load ended with status $scene_code: $scene_line"
    # shellcheck disable=SC2034  # for the sourcing script
    told=$scene_line
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
