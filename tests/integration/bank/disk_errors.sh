#!/usr/bin/env bash
# A disk that answers EIO, at every write and flush of the store, one after the other: disk_errors.sh BIN_DIR BANK_DIR [CALLS].
# What the server cannot write down it does not run, or it says UNKNOWN; once the disk works again, a restart has it all.
# It must not know what is written when.
# Reads best next: failing_disk.c; crash_points.sh, where the process dies instead.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

calls=${3:-3}
opening=1000
folder=$(if [[ -w /dev/shm ]]; then mktemp -d /dev/shm/bank.XXXXXX; else mktemp -d "$scene_dir/store.XXXXXX"; fi)
trap 'scene_end; rm -rf "$folder"' EXIT

# failing AT ONCE OPTION...: a server whose disk fails there.  Returns whether it started.
failing() {
    local at=$1 once=()
    [[ $2 == on ]] || once=(DISK_FAILS_ONCE=yes)
    shift 2
    scene_spawn server env DISK_FAILS_AT="$at" DISK_CALLS="$folder/calls" "${once[@]}" "$bin/bank-server-failing-disk" \
        --listen "tcp://$scene_here:0" --journal "$scene_dir/journal" --store "lmdb:$folder/store" --opening-balance $opening "$@"
    if scene_read server; then
        [[ $scene_line == "listening "* ]] || scene_fail "the server said $scene_line"
        scene_address[server]=${scene_line#listening }
        return
    fi
    scene_wait server
    ((scene_code == 1)) || scene_fail "call $at: the server ended with status $scene_code"
    # Whoever reads this must know what to mend.
    grep -qE "Input/output error|the vault|lmdb:" "$scene_dir/server.err" || scene_fail "call $at: no word of the disk"
    return 1
}

deposits() {
    load --to "${scene_address[server]}" --calls "$calls" --window 2 --accounts 1 --max-cents 1 --RetryIntervals=-1
    wait_for_load
    ok=$(scene_field ok) unknown=$(scene_field failed_unknown) refused=$(scene_field failed_not_executed)
    failed=$(scene_field failed_executed) # a handler that commits for itself has found the disk broken
    ((failed == 0 || exactly == 0)) || scene_fail "$failed EXECUTED and failed"
}

# point AT HOW EXACTLY OPTION...: one load with a disk that fails at this call, then the same on a disk that works.
point() {
    local at=$1 how=$2 exactly=$3
    shift 3
    rm -f "$folder"/* "$scene_dir"/*.err
    if failing "$at" "$how" "$@"; then
        deposits
        # A disk that has failed stays failed for this process, even if it works again.
        if ((refused + unknown > 0)); then
            failures=$((failures + 1))
            grep -qE "THE STORE HAS FAILED \((Input/output error|MDB_PANIC)" "$scene_dir/server.err" ||
                scene_fail "call $at: $refused refused, $unknown UNKNOWN, and not a word of the disk"
        fi
        told_ok=$ok told_unknown=$((unknown + failed))
        scene_stop server
    else
        unstarted=$((unstarted + 1)) told_ok=0 told_unknown=0
        : >"$scene_dir/results"
    fi
    made=$(stat -c %s "$folder/calls")
    mv "$scene_dir/results" "$scene_dir/told"
    scene_start server "$bin/bank-server" --listen "tcp://$scene_here:0" --journal "$scene_dir/journal" \
        --store "lmdb:$folder/store" --opening-balance $opening "$@"
    load --to "${scene_address[server]}" --op balance --calls 1 --accounts 1
    wait_for_load
    balance=$(($(scene_field last_balance) - opening))
    ((balance >= told_ok && balance <= told_ok + told_unknown)) ||
        scene_fail "call $at: $told_ok told OK, $told_unknown UNKNOWN, the balance has grown by $balance"
    deposits
    ((ok == calls)) || scene_fail "call $at: the disk works again, and $ok of $calls deposits were OK"
    scene_stop server
    cat "$scene_dir/told" >>"$scene_dir/results"
    audit >"$scene_dir/audit.out" || { cat "$scene_dir/audit.out"; scene_fail "call $at"; }
}

# all_points HOW EXACTLY OPTION...: every write and flush of such a load.
all_points() {
    local at=1 last failures=0 unstarted=0 unknowns=0
    point 0 "$@"
    last=$made
    ((last >= 10)) || scene_fail "only $last calls were seen"
    for (( ; at <= last; at++)); do
        point "$at" "$@"
        unknowns=$((unknowns + told_unknown))
    done
    ((failures > last / 8)) || scene_fail "only $failures of $last failures were noticed under the load"
    printf '%d calls; %d times it did not start, %d times it failed under the load, %d UNKNOWN\n' "$last" "$unstarted" \
        "$failures" "$unknowns"
}

step "deposits in the store's transaction, a disk that stays broken"
all_points on 1

step "... that fails once"
all_points once 1

step "deposits that commit for themselves, a disk that fails once"
all_points once 0 --no-transactions

echo passed
